/**
 * The child process of `disk-full.test.ts`: a server that works on the data directory of the first argument and stops at the
 * job step of the second until it is told `go on`. Prints `at <step>`, `failed` for each failure of a job and `idle`.
 * Commands: `sync`, `archive <reference>`, `state` (prints what readers find), each on a line.
 */
import { writeSync } from 'node:fs'
import { createJobHandlers, type Ports } from '../../src/app.ts'
import type { App } from '../../src/compose.ts'
import type { JobReport } from '../../src/core/kernel/jobs.ts'
import { getPackage, requestArchive } from '../../src/core/packages/index.ts'
import { listSources, requestSync } from '../../src/core/sources/index.ts'
import type { JobHandlers } from '../../src/platform/queue/execution.ts'
import { createQueueRunner } from '../../src/platform/queue/runner.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'

const [data = '', stop = ''] = process.argv.slice(2)
const organization = 1 as OrganizationId
let goOn: (() => void) | null = null

void main()

async function main(): Promise<void> {
  const app = await openInstallation(configOf(data))
  const runner = createQueueRunner({
    database: app.ports.database,
    clock: app.ports.clock,
    random: app.ports.random,
    log: app.ports.log,
    newId: () => app.ports.newId(),
    handlers: stopHandlers(app.ports),
    owner: app.owner,
    lanes: { interactive: 1, background: 1 },
    leaseDuration: 30_000,
    backoff: { base: 200, cap: 200 },
  })
  await runner.start()
  print('ready')
  for await (const line of console) {
    await obey(app, line)
  }
  await runner.drain(10_000)
  await app.close()
}

function print(line: string): void {
  writeSync(1, `${line}\n`)
}

async function obey(app: App, line: string): Promise<void> {
  const [command, reference = ''] = line.split(' ')
  const ctx = operatorCtx(app)
  if (command === 'go') {
    goOn?.()
    goOn = null
  } else if (command === 'sync') {
    const [source] = (await listSources(ctx, { organization, page: { after: null, limit: 1 } })).items
    await requestSync(ctx, source!)
    void printIdle(app.ports)
  } else if (command === 'archive') {
    await requestArchive(ctx, { package: (await getPackage(ctx, { organization, name: 'acme/http' })).package, reference })
    void printIdle(app.ports)
  } else {
    print(JSON.stringify(await readState(app)))
  }
}

/** Jobs that wait for their next try count as well. */
async function printIdle(ports: Ports): Promise<void> {
  const left = ports.database.read.selectFrom('jobs').select('id').where('state', 'in', ['queued', 'running'])
  while ((await left.execute()).length > 0) {
    await Bun.sleep(5)
  }
  print('idle')
}

/** Jobs as the product makes them, except that archives are built only when they are asked for. */
function stopHandlers(ports: Ports): JobHandlers {
  const handlers = createJobHandlers(ports)
  return {
    ...handlers,
    'source.sync': (job) => telling(handlers['source.sync']({ ...job, report: stopReport(job.report) })),
    'archive.build': (job) => telling(handlers['archive.build']({ ...job, report: stopReport(job.report) })),
    'archives.prebuild': async () => {},
  }
}

async function telling(running: Promise<void>): Promise<void> {
  try {
    await running
  } catch (error) {
    print('failed')
    throw error
  }
}

function stopReport(report: JobReport): JobReport {
  return {
    async step(name, total) {
      await report.step(name, total)
      if (name === stop) {
        const { promise, resolve } = Promise.withResolvers<void>()
        goOn = resolve
        print(`at ${name}`)
        await promise
      }
    },
    progress: (done) => report.progress(done),
    log: (level, line) => report.log(level, line),
  }
}

/** What somebody who looks at the registry finds. */
async function readState({ ports, ...app }: App) {
  const ctx = operatorCtx({ ports, ...app })
  const db = ports.database.read
  const archives = await db.selectFrom('dists').select(['reference', 'sha256']).where('sha256', 'is not', null).execute()
  const blobs = await Promise.all(archives.map(({ sha256 }) => ports.blobs.verify(sha256 ?? '')))
  return {
    versions: (await getPackage(ctx, { organization, name: 'acme/http' })).versions.length,
    archives: blobs,
    jobs: await db
      .selectFrom('jobs')
      .select(['kind', 'state', 'attempts', 'error_code as code', 'error'])
      .where('kind', '!=', 'archives.prebuild')
      .orderBy('id', 'desc')
      .execute(),
  }
}
