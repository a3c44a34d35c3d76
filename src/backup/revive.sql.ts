import type { Db } from '../core/kernel/schema.ts'
import type { Instant } from '../core/kernel/values.ts'

/** A token that works after a restore. Whether it was revoked after the backup nobody can know. */
export interface WorkingToken {
  uid: string
  /** Slug of its organization; null for a personal token. */
  organization: string | null
  /** E-mail address of its person; null for a token of an organization. */
  user: string | null
  name: string
  hint: string
}

/** Makes the reconciler look at every source anew. */
export async function replanSources(db: Db, now: Instant): Promise<void> {
  await db.updateTable('sources').set({ next_sync_at: now, overdue_syncs: 0 }).execute()
}

/** Revokes every token that works. Returns how many. */
export async function revokeAllTokens(db: Db, now: Instant): Promise<number> {
  const result = await db.updateTable('tokens').set({ revoked_at: now }).where('revoked_at', 'is', null).executeTakeFirst()
  return Number(result.numUpdatedRows)
}

/** Cancels every invitation that waits for an answer. Returns how many. */
export async function cancelInvitations(db: Db, now: Instant): Promise<number> {
  const result = await db
    .updateTable('invitations')
    .set({ cancelled_at: now })
    .where('accepted_at', 'is', null)
    .where('cancelled_at', 'is', null)
    .executeTakeFirst()
  return Number(result.numUpdatedRows)
}

/** The tokens that are neither revoked nor expired, oldest first. */
export async function selectWorkingTokens(db: Db, now: Instant): Promise<WorkingToken[]> {
  return db
    .selectFrom('tokens')
    .leftJoin('organizations', 'organizations.id', 'tokens.organization_id')
    .leftJoin('users', 'users.id', 'tokens.user_id')
    .select(['tokens.uid', 'organizations.slug as organization', 'users.email as user', 'tokens.name', 'tokens.hint'])
    .where('revoked_at', 'is', null)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .orderBy('tokens.id')
    .execute()
}

/** An upload whose archive is not in storage; it comes back when the same file is uploaded again. */
export interface LostUpload {
  organization: string
  package: string
  version: string
  sha256: string
}

/** Which of these archives are uploads, which cannot be built again. */
export async function selectLostUploads(db: Db, sha256: readonly string[]): Promise<LostUpload[]> {
  const lost: LostUpload[] = []
  for (let start = 0; start < sha256.length; start += 500) {
    const rows = await db
      .selectFrom('artifacts')
      .innerJoin('dists', (join) =>
        join.onRef('dists.package_id', '=', 'artifacts.package_id').onRef('dists.reference', '=', 'artifacts.reference'),
      )
      .innerJoin('packages', 'packages.id', 'artifacts.package_id')
      .innerJoin('organizations', 'organizations.id', 'packages.organization_id')
      .select(['organizations.slug as organization', 'packages.name as package', 'artifacts.version', 'dists.sha256'])
      .where('dists.sha256', 'in', sha256.slice(start, start + 500))
      .orderBy('artifacts.id')
      .execute()
    lost.push(...rows.map((row) => ({ ...row, sha256: row.sha256 ?? '' })))
  }
  return lost
}
