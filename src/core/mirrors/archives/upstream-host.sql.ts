import type { Db } from '../../kernel/schema.ts'
import type { SourceId } from '../../kernel/values.ts'
import { deletedOrganizations } from '../../organizations/index.ts'
import type { UpstreamHost } from '../upstream/index.ts'

/** What it takes to ask the upstream of a mirror, without the root file, which may be large; null when the mirror is gone. */
export async function findUpstreamHost(db: Db, id: SourceId): Promise<UpstreamHost | null> {
  const row = await db
    .selectFrom('mirrors')
    .innerJoin('sources', 'sources.id', 'mirrors.source_id')
    .select([
      'sources.id',
      'sources.organization_id as organization',
      'sources.credential_id as credential',
      'sources.url',
      'mirrors.timeout_ms as timeout',
    ])
    .where('sources.id', '=', id)
    .where('sources.organization_id', 'not in', deletedOrganizations(db))
    .executeTakeFirst()
  return row ?? null
}
