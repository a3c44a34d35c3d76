import type { FollowedEvent } from '../core/audit/index.ts'
import type { OrganizationId, UserId } from '../core/kernel/values.ts'

const OF_PEOPLE: ReadonlySet<FollowedEvent['type']> = new Set<FollowedEvent['type']>([
  'member.removed',
  'member.role-changed',
  'team.member-removed',
  'user.disabled',
  'user.deleted',
  'user.demoted',
  'user.signed-out',
  'sessions.ended',
  'password.changed',
  'password.reset',
  'personal-token.changed',
  'personal-token.rotated',
  'personal-token.revoked',
])

const OF_ORGANIZATIONS: ReadonlySet<FollowedEvent['type']> = new Set<FollowedEvent['type']>([
  'organization.deleted',
  'suborganization.deleted',
  'team.deleted',
  'team.unassigned',
])

/** Whether after an event somebody may no longer listen, or has to prove again who they are. Too often does no harm. */
export function mayEndListening(event: FollowedEvent, listener: { user: UserId; organization: { id: OrganizationId } }): boolean {
  if (OF_PEOPLE.has(event.type)) {
    return 'user' in event && event.user === listener.user
  }
  // The right in a suborganization may come from its parent, so all organizations count as one here.
  return OF_ORGANIZATIONS.has(event.type)
}
