import type { AccountLinksTable, Db } from '../kernel/schema.ts'
import type { Instant, UserId } from '../kernel/values.ts'

/** What a one-time secret is for. */
export type LinkPurpose = AccountLinksTable['purpose']

/** A one-time secret that still waits to be used. */
export interface AccountLink {
  purpose: LinkPurpose
  /** Null for a link that leads nowhere, made so that nobody can tell whether there is such a user. */
  user: UserId | null
  email: string | null
  createdAt: Instant
  expiresAt: Instant
}

/** Stores a one-time secret by its hash. */
export async function insertLink(db: Db, link: AccountLink, secretHash: string): Promise<void> {
  await db
    .insertInto('account_links')
    .values({
      purpose: link.purpose,
      secret_hash: secretHash,
      user_id: link.user,
      email: link.email,
      created_at: link.createdAt,
      expires_at: link.expiresAt,
    })
    .execute()
}

/** The one-time secret with that hash and one of the purposes that has not expired and belongs to an enabled user, or null. */
export async function findLink(
  db: Db,
  { secretHash, purposes, now }: { secretHash: string; purposes: readonly LinkPurpose[]; now: Instant },
): Promise<(AccountLink & { user: UserId }) | null> {
  const row = await db
    .selectFrom('account_links')
    .innerJoin('users', 'users.id', 'account_links.user_id')
    .select([
      'account_links.purpose',
      'users.id as user',
      'account_links.email',
      'account_links.created_at as createdAt',
      'account_links.expires_at as expiresAt',
    ])
    .where('account_links.secret_hash', '=', secretHash)
    .where('account_links.purpose', 'in', purposes)
    .where('account_links.expires_at', '>', now)
    .where('users.disabled_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}

/** Uses a one-time secret up; of several who try at once exactly one gets true. */
export async function useLink(db: Db, secretHash: string): Promise<boolean> {
  const result = await db.deleteFrom('account_links').where('secret_hash', '=', secretHash).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Makes the links of a user with these purposes worthless. */
export async function deleteLinks(db: Db, user: UserId, purposes: readonly LinkPurpose[]): Promise<void> {
  await db.deleteFrom('account_links').where('user_id', '=', user).where('purpose', 'in', purposes).execute()
}

/** Deletes what has expired; returns how many. */
export async function deleteExpiredLinks(db: Db, now: Instant): Promise<number> {
  const links = await db.deleteFrom('account_links').where('expires_at', '<=', now).executeTakeFirst()
  const challenges = await db.deleteFrom('used_challenges').where('expires_at', '<=', now).executeTakeFirst()
  return Number(links.numDeletedRows) + Number(challenges.numDeletedRows)
}

/** Marks a challenge as answered; false when it was already. */
export async function useChallenge(db: Db, challengeHash: string, expiresAt: Instant): Promise<boolean> {
  const row = await db
    .insertInto('used_challenges')
    .values({ challenge_hash: challengeHash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.doNothing())
    .returning('challenge_hash')
    .executeTakeFirst()
  return row !== undefined
}
