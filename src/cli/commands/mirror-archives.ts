import type { Command } from 'commander'
import { getJob } from '../../core/jobs/index.ts'
import { requestMirrorArchives } from '../../core/mirrors/index.ts'
import { followFrom, followJob, requireSuccess } from '../follow-job.ts'
import { getMirrorByKey } from '../mirror-key.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'

/** `repertoire mirror prefetch` */
export function addMirrorArchivesCommand(commands: Command, run: Run): void {
  commands
    .command('prefetch')
    .description('fetch every archive of a mirror that metadata shows and that is not here yet')
    .argument('<org>', 'slug of the organization')
    .argument('<mirror>', 'name, URL or uid of the mirror')
    .addHelpText('after', '\nExample:\n  $ repertoire mirror prefetch acme repo.packagist.org')
    .action(run(prefetch))
}

async function prefetch(session: Session, path: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const { mirror } = await getMirrorByKey(ctx, path, key)
  const job = await getJob(ctx, await requestMirrorArchives(ctx, mirror))
  requireSuccess(await followJob(session, followFrom(job)))
  session.show(
    { name: mirror.name, prefetched: true },
    () => `The archives of ${mirror.name} were fetched, as far as they can be.`,
  )
}
