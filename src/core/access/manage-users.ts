import {
  createUser,
  deleteUser,
  demoteUser,
  disableUser,
  enableUser,
  endSessions,
  findUserByEmail,
  findUserByUid,
  listFactors,
  mintSecret,
  parseDisplayName,
  parseEmail,
  promoteUser,
  removeFactors,
  requireAcceptablePassword,
  selectSessions,
  selectUsers,
  storePasswordChoice,
  type FactorKind,
  type Session,
  type User,
} from '../accounts/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { MAX_PAGE, type Page, type Paged } from '../kernel/paging.ts'
import { lockOrganization, selectOrganizations, selectSoleOwnerships } from '../organizations/index.ts'
import { authorize } from './permissions.ts'

/** A person to be added. Without a password they get a link by which they choose one. */
export interface AddUser {
  email: string
  name: string
  password: string | null
  isOperator: boolean
}

/** Adds a person, who belongs to no organization yet. Throws `email_taken` and `invalid_input`. */
export async function addUser(ctx: Ctx, input: AddUser): Promise<{ user: User; linkSecret: string | null }> {
  await authorize(ctx, 'user.create', null)
  const email = parseEmail(input.email)
  const name = parseDisplayName('name', input.name)
  if (input.password !== null) {
    requireAcceptablePassword(input.password, { email, name })
  }
  const passwordHash = input.password === null ? null : await ctx.passwords.hash(input.password)
  const linkSecret = input.password === null ? mintSecret(ctx.random) : null
  const user = await ctx.transaction(async (tx) => {
    const created = await createUser(tx, { email, name, passwordHash, isOperator: input.isOperator })
    if (linkSecret !== null) {
      await storePasswordChoice(tx, created, linkSecret)
    }
    return created
  })
  return { user, linkSecret }
}

/** All people in the order in which they were added. */
export async function listUsers(ctx: Ctx, page: Page): Promise<Paged<User>> {
  await authorize(ctx, 'user.list', null)
  return selectUsers(ctx.db, { ...page, limit: Math.min(page.limit, MAX_PAGE) })
}

/** The person with that uid or e-mail address. Throws `user_not_found`. */
export async function getUser(ctx: Ctx, wanted: string): Promise<User> {
  await authorize(ctx, 'user.list', null)
  const user = wanted.includes('@') ? await findUserByEmail(ctx.db, parseEmail(wanted)) : await findUserByUid(ctx.db, wanted)
  if (user === null) {
    throw new DomainError('user_not_found')
  }
  return user
}

/** What an operator sees of how a person signs in. */
export async function describeUser(
  ctx: Ctx,
  wanted: string,
): Promise<{ user: User; factors: FactorKind[]; sessions: Session[] }> {
  const user = await getUser(ctx, wanted)
  return { user, factors: await listFactors(ctx.db, user.id), sessions: await selectSessions(ctx.db, user.id) }
}

async function changeUser<Result>(
  ctx: Ctx,
  wanted: string,
  work: (tx: Tx, user: User) => Promise<Result>,
): Promise<{ user: User; result: Result }> {
  await authorize(ctx, 'user.change', null)
  const user = await getUser(ctx, wanted)
  return { user, result: await ctx.transaction((tx) => work(tx, user)) }
}

/** A link by which a person chooses a password within 24 hours; it is shown once. Throws `user_not_found`. */
export async function createPasswordLink(ctx: Ctx, wanted: string): Promise<{ user: User; linkSecret: string }> {
  const linkSecret = mintSecret(ctx.random)
  const { user } = await changeUser(ctx, wanted, (tx, found) => storePasswordChoice(tx, found, linkSecret))
  return { user, linkSecret }
}

/** What can be switched of a person; each has its opposite. */
export type UserSwitch = 'disable' | 'enable' | 'promote' | 'demote'

const SWITCHES: Readonly<Record<UserSwitch, (tx: Tx, user: User) => Promise<boolean>>> = {
  disable: disableUser,
  enable: enableUser,
  promote: promoteUser,
  demote: demoteUser,
}

function isSwitched(user: User, to: UserSwitch): boolean {
  switch (to) {
    case 'disable':
      return user.disabledAt !== null
    case 'enable':
      return user.disabledAt === null
    case 'promote':
      return user.isOperator
    case 'demote':
      return !user.isOperator
  }
}

/**
 * Disables a person (sessions end and tokens work no more) or enables them again; makes them an operator of the instance or takes that right
 * away. Throws `user_not_found`; what is so already is no error.
 */
export async function switchUser(ctx: Ctx, wanted: string, to: UserSwitch): Promise<User> {
  await authorize(ctx, 'user.change', null)
  const user = await getUser(ctx, wanted)
  if (!isSwitched(user, to)) {
    await ctx.transaction((tx) => SWITCHES[to](tx, user))
  }
  return getUser(ctx, user.uid)
}

/** Removes the second factors of a person who lost them. Throws `user_not_found`, `factor_not_found`. */
export async function removeSecondFactors(ctx: Ctx, wanted: string): Promise<User> {
  return (await changeUser(ctx, wanted, removeFactors)).user
}

/** Ends all sessions of a person; returns how many. Throws `user_not_found`. */
export async function signOutUser(ctx: Ctx, wanted: string): Promise<{ user: User; sessions: number }> {
  const { user, result } = await changeUser(ctx, wanted, endSessions)
  return { user, sessions: result }
}

/**
 * Deletes a person with memberships, personal tokens and sessions. Throws `user_not_found`, and `sole_owner` for the only owner of an
 * organization. The organizations are locked first, so that of two last owners who are deleted at once one stays.
 */
export async function deleteUserAccount(ctx: Ctx, wanted: string): Promise<User> {
  await authorize(ctx, 'user.delete', null)
  const user = await getUser(ctx, wanted)
  await ctx.transaction(async (tx) => {
    await lockOrganizationsOf(tx, user)
    const owned = await selectSoleOwnerships(tx.db, user.id)
    if (owned.length > 0) {
      throw new DomainError('sole_owner', { organizations: owned.map(({ slug }) => slug).join(', ') })
    }
    await deleteUser(tx, user)
  })
  return user
}

async function lockOrganizationsOf(tx: Tx, user: User): Promise<void> {
  let after: number | null = null
  do {
    const page = await selectOrganizations(tx.db, { user: user.id }, { limit: MAX_PAGE, after })
    for (const organization of page.items) {
      await lockOrganization(tx.db, organization.id)
    }
    after = page.next
  } while (after !== null)
}
