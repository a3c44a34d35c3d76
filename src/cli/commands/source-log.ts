import type { Command } from 'commander'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { listSyncRuns, type SyncRun } from '../../core/sources/index.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { getSourceByKey } from '../source-outcome.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** `repertoire source log` */
export function addSourceLogCommand(commands: Command, run: Run): void {
  commands
    .command('log')
    .description('list the last syncs of a source with their numbers, newest first')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire source log acme https://github.com/acme/widgets.git --limit 10')
    .action(run(log))
}

async function log(session: Session, slug: string, key: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  let isPending = false
  const runs = await readAll(options.limit, async (page) => {
    const read = await listSyncRuns(ctx, source, page)
    isPending = read.isPending
    return read
  })
  if (isPending) {
    session.note('A sync waits or runs.')
  }
  session.show(runs.map(presentRun), () =>
    runs.length === 0
      ? 'No sync has ended yet.'
      : formatTable(
          ['STARTED', 'STATE', 'ADDED', 'UPDATED', 'REMOVED', 'SKIPPED', 'FAILED', 'PROBLEM'],
          runs.map(({ startedAt, state, error, ...counts }) => [
            toMoment(startedAt),
            state,
            ...[counts.added, counts.updated, counts.removed, counts.skipped, counts.failed].map(String),
            error ?? '',
          ]),
          session.tableWidth,
        ),
  )
}

function presentRun(run: SyncRun) {
  return {
    uid: run.uid,
    state: run.state,
    startedAt: toTimestamp(run.startedAt),
    completedAt: toTimestamp(run.completedAt),
    error: run.error === null ? null : { code: run.errorCode, message: run.error },
    added: run.added,
    updated: run.updated,
    removed: run.removed,
    skipped: run.skipped,
    failed: run.failed,
    details: run.details,
  }
}
