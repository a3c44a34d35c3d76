import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, SourceId } from '../kernel/values.ts'
import { lockOrganization } from '../organizations/index.ts'
import { SOURCE_COLUMNS, type Source } from './sources.sql.ts'

const NAMELESS = 'source'

/**
 * What a source may be called below its organization: the last part of its URL in lower case without `.git`. A number alone would be an id, so
 * it gets a word in front.
 */
export function suggestPath(url: string): string {
  const last = url.replace(/\/+$/, '').split(/[/:]/).at(-1) ?? ''
  const name = last
    .replace(/\.git$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
  return /^\d*$/.test(name) ? `${NAMELESS}${name === '' ? '' : `-${name}`}` : name
}

/**
 * Gives a new source its path inside the caller's transaction, and returns it. Takes the organization's row lock, so that of two sources that are added at
 * once each gets its own.
 */
export async function givePath(db: Db, source: { id: SourceId; organization: OrganizationId; url: string }): Promise<string> {
  await lockOrganization(db, source.organization)
  const base = suggestPath(source.url)
  const rows = await db
    .selectFrom('sources')
    .select('path')
    .where('organization_id', '=', source.organization)
    .where('path', '>=', base)
    .where('path', '<', `${base}~`)
    .execute()
  const taken = new Set(rows.map((row) => row.path))
  let path = base
  for (let number = 2; taken.has(path); number += 1) {
    path = `${base}-${number}`
  }
  await db.updateTable('sources').set({ path }).where('id', '=', source.id).execute()
  return path
}

/** The source of an organization with that path (lower case), or null. */
export async function findSourceByPath(db: Db, organization: OrganizationId, path: string): Promise<Source | null> {
  const row = await db
    .selectFrom('sources')
    .select(SOURCE_COLUMNS)
    .where('organization_id', '=', organization)
    .where('path', '=', path)
    .executeTakeFirst()
  return row ?? null
}
