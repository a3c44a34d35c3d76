/**
 * The child process of `sync-crash.test.ts`. It opens an installation as a server does after a crash, runs the jobs that are
 * left, prints `idle` and waits for a line: `sync` asks for a sync of the first source, `add <url>` adds the repository to a
 * new organization. Then it runs to the point at which it kills itself. When its input ends it closes everything.
 */
import { writeSync } from 'node:fs'
import type { App } from '../../src/compose.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import type { SourceId } from '../../src/core/kernel/values.ts'
import { addSource, getSource, requestSync } from '../../src/core/sources/index.ts'
import { createQueueRunner, type QueueRunner } from '../../src/platform/queue/runner.ts'
import { trapHandlers, type CrashPoint } from './crash-point.ts'
import { configOf, openInstallation, operatorCtx, untilIdle } from './installation.ts'

const trap = { isArmed: false }

void main()

async function main(): Promise<void> {
  const [data = '', order = ''] = process.argv.slice(2)
  const app = await openInstallation(configOf(data))
  const runner = createTrappedRunner(app, JSON.parse(order) as CrashPoint)
  await app.blobs.sweep()
  await runner.start()
  await untilIdle(app.ports)
  writeSync(1, 'idle\n')
  for await (const line of console) {
    trap.isArmed = true
    writeSync(1, `requested ${await request(app, line)}\n`)
    await untilIdle(app.ports)
    writeSync(1, 'survived\n')
  }
  await runner.drain(10_000)
  await app.close()
}

function createTrappedRunner({ ports, owner }: App, point: CrashPoint): QueueRunner {
  return createQueueRunner({
    database: ports.database,
    clock: ports.clock,
    random: ports.random,
    log: ports.log,
    newId: () => ports.newId(),
    handlers: trapHandlers(ports, point, trap),
    owner: `${owner}/${ports.newId()}`,
    deadOwners: '',
    lanes: { interactive: 1, background: 1 },
    leaseDuration: 30_000,
  })
}

async function request(app: App, line: string): Promise<number> {
  const ctx = operatorCtx(app)
  if (line.startsWith('add ')) {
    const { id: organization } = await createOrganization(ctx, { slug: line.split(' ')[1] ?? '', name: 'new' })
    return (await addSource(ctx, { organization, url: line.split(' ')[2] ?? '', credential: null })).job
  }
  const row = await app.ports.database.read
    .selectFrom('sources')
    .select(['uid', 'organization_id as organization'])
    .where('id', '=', 1 as SourceId)
    .executeTakeFirstOrThrow()
  return requestSync(ctx, await getSource(ctx, row))
}
