import type { Db } from '../kernel/schema.ts'

/** Names of what events mention by number. What is gone, or was never there, has none. */
export interface Names {
  users: ReadonlyMap<number, string>
  tokens: ReadonlyMap<number, string>
  sources: ReadonlyMap<number, string>
  organizations: ReadonlyMap<number, string>
}

/** The numbers to be named. */
export type Mentioned = { readonly [Sort in keyof Names]: ReadonlySet<number> }

/** Looks up the names of a page of events, one statement for each sort that occurs. */
export async function selectNames(db: Db, mentioned: Mentioned): Promise<Names> {
  return {
    users: await named(mentioned.users, async (ids) => {
      const rows = await db
        .selectFrom('users')
        .select(['id', 'email'])
        .where('id', 'in', ids as never[])
        .execute()
      return rows.map((row) => [row.id, row.email])
    }),
    tokens: await named(mentioned.tokens, async (ids) => {
      const rows = await db
        .selectFrom('tokens')
        .select(['id', 'name', 'hint'])
        .where('id', 'in', ids as never[])
        .execute()
      return rows.map((row) => [row.id, `${row.name} (…${row.hint})`])
    }),
    sources: await named(mentioned.sources, async (ids) => {
      const rows = await db
        .selectFrom('sources')
        .select(['id', 'url'])
        .where('id', 'in', ids as never[])
        .execute()
      return rows.map((row) => [row.id, row.url])
    }),
    organizations: await named(mentioned.organizations, async (ids) => {
      const rows = await db
        .selectFrom('organizations')
        .leftJoin('organizations as parents', 'parents.id', 'organizations.parent_id')
        .select(['organizations.id', 'organizations.slug', 'parents.slug as parent'])
        .where('organizations.id', 'in', ids as never[])
        .execute()
      return rows.map((row) => [row.id, row.parent === null ? row.slug : `${row.parent}/${row.slug}`])
    }),
  }
}

async function named(
  ids: ReadonlySet<number>,
  select: (ids: readonly number[]) => Promise<[number, string][]>,
): Promise<Map<number, string>> {
  return ids.size === 0 ? new Map() : new Map(await select([...ids]))
}
