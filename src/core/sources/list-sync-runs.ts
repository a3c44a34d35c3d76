import { authorize } from '../access/index.ts'
import { selectOpenPayloads } from '../jobs/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobPayloads } from '../kernel/jobs.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Source } from './sources.sql.ts'
import { selectSyncRuns, type SyncRun } from './sync-runs.sql.ts'

/** The log of a source's syncs. */
export interface SyncLog extends Paged<SyncRun> {
  /** A sync waits or runs; it is in the list once it ended. */
  isPending: boolean
}

/** The syncs of a source that ended, newest first, at most the last 100 (PR-609), and whether another one is on its way. */
export async function listSyncRuns(ctx: Ctx, source: Source, page: Page): Promise<SyncLog> {
  await authorize(ctx, 'source.list', source.organization)
  const payloads = await selectOpenPayloads(ctx.db, source.organization, 'source.sync')
  const isPending = payloads.some((payload) => (JSON.parse(payload) as JobPayloads['source.sync']).source === source.id)
  return { ...(await selectSyncRuns(ctx.db, source.id, page)), isPending }
}
