import type { Db } from '../kernel/schema.ts'
import { findMirror } from './mirrors.sql.ts'
import type { Mirror } from './mirror.ts'

/** A mirror whose root file names an advisories API. */
export interface AdvisingMirror {
  mirror: Mirror
  apiUrl: string
}

/** The mirrors that are not disabled and whose upstream has an advisories API, by id. */
export async function selectAdvisingMirrors(db: Db): Promise<AdvisingMirror[]> {
  const rows = await db
    .selectFrom('mirrors')
    .select('source_id as id')
    .where('behavior', '!=', 'disabled')
    .where('root', 'is not', null)
    .orderBy('source_id')
    .execute()
  const advising: AdvisingMirror[] = []
  for (const { id } of rows) {
    const mirror = await findMirror(db, id)
    const apiUrl = mirror?.root?.advisories?.apiUrl ?? null
    if (mirror !== null && apiUrl !== null) {
      advising.push({ mirror, apiUrl })
    }
  }
  return advising
}
