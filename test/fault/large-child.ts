/**
 * The child process of `large-repository.test.ts`: adds the repository of the second argument to the installation of the first,
 * runs its jobs and prints what became of it, the seconds of each step, and the most memory that the process took.
 */
import { createJobHandlers, type Ports } from '../../src/app.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import type { JobReport } from '../../src/core/kernel/jobs.ts'
import { addSource } from '../../src/core/sources/index.ts'
import type { JobHandlers } from '../../src/platform/queue/execution.ts'
import { createQueueRunner } from '../../src/platform/queue/runner.ts'
import { configOf, openInstallation, operatorCtx, untilIdle } from './installation.ts'

const [data = '', url = '', settings = '{}'] = process.argv.slice(2)
const steps: Record<string, number> = {}
let since = performance.now()

const app = await openInstallation(configOf(data, JSON.parse(settings) as Record<string, string>))
const { ports } = app
const runner = createQueueRunner({
  database: ports.database,
  clock: ports.clock,
  random: ports.random,
  log: ports.log,
  newId: () => ports.newId(),
  handlers: timedHandlers(ports),
  owner: app.owner,
  lanes: { interactive: 1, background: 1 },
  leaseDuration: 30_000,
})
const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
await addSource(operatorCtx(app), { organization, url, credential: null })
await runner.start()
await untilIdle(ports)
await runner.drain(10_000)
const db = ports.database.read
const count = async (table: 'versions' | 'source_refs' | 'packages'): Promise<number> => {
  const row = await db
    .selectFrom(table)
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return row.count
}
const [source] = await db.selectFrom('sources').select(['uid', 'state', 'problem_code as code', 'problem']).execute()
const report = {
  source,
  versions: await count('versions'),
  refs: await count('source_refs'),
  packages: await count('packages'),
  jobs: await db.selectFrom('jobs').select(['kind', 'state', 'error_code as code']).execute(),
  mirrorBytes: await ports.git.size(source?.uid ?? ''),
  steps,
  peakMegabytes: Math.round(process.resourceUsage().maxRSS / (process.platform === 'darwin' ? 1_048_576 : 1_024)),
}
await app.close()
process.stdout.write(`${JSON.stringify(report)}\n`)

/** Archives are left aside: they are bounded by their number. */
function timedHandlers(over: Ports): JobHandlers {
  const handlers = createJobHandlers(over)
  return {
    ...handlers,
    'source.sync': (job) => handlers['source.sync']({ ...job, report: timedReport(job.report) }).finally(() => note('end')),
    'archives.prebuild': async () => {},
  }
}

function note(step: string): void {
  steps[step] = Math.round(performance.now() - since) / 1000
  since = performance.now()
}

function timedReport(inner: JobReport): JobReport {
  return {
    async step(name, total) {
      note(`before ${name}`)
      await inner.step(name, total)
    },
    progress: (done) => inner.progress(done),
    log: (level, line) => inner.log(level, line),
  }
}
