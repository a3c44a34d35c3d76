import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import type { UnknownInstall } from './counts.sql.ts'

/** Names that are kept of one organization; everything beyond is added up under the empty name, because clients choose the names. */
export const UNKNOWN_NAMES = 1_000

/** Adds installs of unknown names, ordered by organization and name by the caller. Organizations that are gone are left out. */
export async function addUnknownInstalls(db: Db, installs: readonly UnknownInstall[]): Promise<void> {
  const byOrganization = Map.groupBy(installs, (install) => install.organization)
  for (const [organization, named] of byOrganization) {
    const exists = await db.selectFrom('organizations').select('id').where('id', '=', organization).executeTakeFirst()
    if (exists === undefined) {
      continue
    }
    const known = new Set((await selectUnknownInstalls(db, organization)).map((row) => row.name))
    for (const install of named) {
      const isKept = known.has(install.name) || known.size < UNKNOWN_NAMES
      const name = isKept ? install.name : ''
      known.add(name)
      await addOne(db, { ...install, name })
    }
  }
}

async function addOne(db: Db, install: UnknownInstall): Promise<void> {
  await db
    .insertInto('unknown_installs')
    .values({
      organization_id: install.organization,
      name: install.name,
      count: install.count,
      last_at: install.lastAt,
    })
    .onConflict((conflict) =>
      conflict.columns(['organization_id', 'name']).doUpdateSet((update) => ({
        count: update('unknown_installs.count', '+', update.ref('excluded.count')),
        last_at: update.ref('excluded.last_at'),
      })),
    )
    .execute()
}

/** The unknown names of an organization, most installed first. */
export async function selectUnknownInstalls(
  db: Db,
  organization: OrganizationId,
): Promise<{ name: string; count: number; lastAt: number }[]> {
  const rows = await db
    .selectFrom('unknown_installs')
    .select(['name', 'count', 'last_at'])
    .where('organization_id', '=', organization)
    .orderBy('count', 'desc')
    .orderBy('name')
    .execute()
  return rows.map((row) => ({ name: row.name, count: row.count, lastAt: row.last_at }))
}

/** Deletes the unknown names that nobody installed since a moment. Returns how many. */
export async function deleteUnknownInstallsBefore(db: Db, moment: number): Promise<number> {
  const deleted = await db.deleteFrom('unknown_installs').where('last_at', '<', moment).executeTakeFirst()
  return Number(deleted.numDeletedRows)
}

/** Whether there are unknown names that nobody installed since a moment. */
export async function hasUnknownInstallsBefore(db: Db, moment: number): Promise<boolean> {
  const row = await db.selectFrom('unknown_installs').select('name').where('last_at', '<', moment).limit(1).executeTakeFirst()
  return row !== undefined
}
