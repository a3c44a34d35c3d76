import { findSetting, putSetting } from '../instance/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { Source } from './sources.sql.ts'

const SETTING = 'archives_built'

/** Whether archives are built of repositories, as the server that started last was configured (PR-607). Rendering knows nothing else of it. */
export async function areArchivesBuilt(db: Db): Promise<boolean> {
  return (await findSetting(db, SETTING)) !== 'no'
}

/** Writes for all who render whether archives are built of repositories. */
export async function noteArchivesBuilt(db: Db, isEnabled: boolean): Promise<void> {
  await putSetting(db, SETTING, isEnabled ? 'yes' : 'no')
}

/** Whether clients can clone what the source publishes; all else has archives in any case, or nobody could install it. */
export function isCloneable(source: Source | null): source is Source {
  return source?.kind === 'vcs' && source.manifestGlobs === null
}
