/** What a member may do in an organization: an owner everything, an admin all but what concerns owners. */
export type Role = 'owner' | 'admin' | 'member'

/** Who sees something besides members: nobody, whoever has a valid credential, or everybody. */
export type Visibility = 'private' | 'internal' | 'public'

/** A truth value as both databases store it. */
export type Flag = 0 | 1

/** What the members of a team may do beyond what every member may. */
export type TeamPermission = 'package.add' | 'package.edit' | 'suborganization.create' | 'customer.view' | 'customer.manage'
