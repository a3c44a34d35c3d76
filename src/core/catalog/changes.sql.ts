import { sql } from 'kysely'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

/** A package that changed, appeared or went since the feed was last brought up to date. */
export interface PendingChange {
  name: string
  uid: string
  revision: number
  deleted: boolean
}

/** How far the feed of an organization has got, in seconds, and what it knows (see `ChangeFeedsTable`); null when nobody asked yet. */
export async function readFeed(db: Db, organization: OrganizationId): Promise<{ position: number; stamp: string } | null> {
  const row = await db
    .selectFrom('change_feeds')
    .select(['position', 'stamp'])
    .where('organization_id', '=', organization)
    .executeTakeFirst()
  return row ?? null
}

/**
 * Moves the feed on to `floor`, or by one second where it is there already, and holds it until the transaction ends. Returns where it is then.
 */
export async function advanceFeed(db: Db, organization: OrganizationId, floor: number): Promise<number> {
  const row = await db
    .insertInto('change_feeds')
    .values({ organization_id: organization, position: floor, stamp: '' })
    .onConflict((conflict) =>
      conflict.column('organization_id').doUpdateSet({
        position: sql<number>`case when change_feeds.position >= ${floor} then change_feeds.position + 1 else ${floor} end`,
      }),
    )
    .returning('position')
    .executeTakeFirstOrThrow()
  return row.position
}

/** Notes what the feed knows. */
export async function writeFeedStamp(db: Db, organization: OrganizationId, stamp: string): Promise<void> {
  await db.updateTable('change_feeds').set({ stamp }).where('organization_id', '=', organization).execute()
}

/** What the feed does not know yet, compared by the revision of each package. */
export async function selectPendingChanges(db: Db, organization: OrganizationId): Promise<PendingChange[]> {
  const changed = await db
    .selectFrom('packages')
    .leftJoin('package_changes as known', (join) =>
      join.onRef('known.organization_id', '=', 'packages.organization_id').onRef('known.name', '=', 'packages.name'),
    )
    .select(['packages.name', 'packages.uid', 'packages.revision'])
    .where('packages.organization_id', '=', organization)
    .where((where) =>
      where.or([
        where('known.name', 'is', null),
        where('known.deleted', '=', 1),
        where('known.package_uid', '!=', where.ref('packages.uid')),
        where('known.revision', '!=', where.ref('packages.revision')),
      ]),
    )
    .execute()
  const gone = await db
    .selectFrom('package_changes as known')
    .leftJoin('packages', (join) =>
      join.onRef('packages.organization_id', '=', 'known.organization_id').onRef('packages.name', '=', 'known.name'),
    )
    .select(['known.name', 'known.package_uid as uid', 'known.revision'])
    .where('known.organization_id', '=', organization)
    .where('known.deleted', '=', 0)
    .where('packages.id', 'is', null)
    .execute()
  return [...changed.map((row) => ({ ...row, deleted: false })), ...gone.map((row) => ({ ...row, deleted: true }))]
}

const ROWS_PER_STATEMENT = 100

/** Enters changes at a position; each replaces what the feed had of that name. */
export async function enterChanges(
  db: Db,
  organization: OrganizationId,
  { changes, position }: { changes: readonly PendingChange[]; position: number },
): Promise<void> {
  for (let start = 0; start < changes.length; start += ROWS_PER_STATEMENT) {
    const rows = changes.slice(start, start + ROWS_PER_STATEMENT).map(({ name, uid, revision, deleted }) => ({
      organization_id: organization,
      name,
      package_uid: uid,
      revision,
      position,
      deleted: deleted ? (1 as const) : (0 as const),
    }))
    await db
      .insertInto('package_changes')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['organization_id', 'name']).doUpdateSet((update) => ({
          package_uid: update.ref('excluded.package_uid'),
          revision: update.ref('excluded.revision'),
          position: update.ref('excluded.position'),
          deleted: update.ref('excluded.deleted'),
        })),
      )
      .execute()
  }
}

/** Forgets packages that are gone since before a position. */
export async function forgetDeleted(db: Db, organization: OrganizationId, before: number): Promise<void> {
  await db
    .deleteFrom('package_changes')
    .where('organization_id', '=', organization)
    .where('deleted', '=', 1)
    .where('position', '<', before)
    .execute()
}

/** A change as it stands in the feed; `modifiedAt` is that of the package now. */
export interface EnteredChange {
  name: string
  position: number
  /** Null for a package that is gone. */
  modifiedAt: number | null
}

/** The changes from a position on, this one included, oldest first; at most `limit`. */
export async function selectChanges(
  db: Db,
  organization: OrganizationId,
  { since, limit }: { since: number; limit: number },
): Promise<EnteredChange[]> {
  const rows = await db
    .selectFrom('package_changes as change')
    .leftJoin('packages', (join) =>
      join.onRef('packages.organization_id', '=', 'change.organization_id').onRef('packages.name', '=', 'change.name'),
    )
    .select(['change.name', 'change.position', 'change.deleted', 'packages.modified_at as modifiedAt'])
    .where('change.organization_id', '=', organization)
    .where('change.position', '>=', since)
    .orderBy('change.position')
    .orderBy('change.name')
    .limit(limit)
    .execute()
  return rows.map(({ deleted, modifiedAt, ...row }) => ({ ...row, modifiedAt: deleted === 1 ? null : modifiedAt }))
}
