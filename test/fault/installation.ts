/** Installations opened as a server opens them: a data directory, the embedded database, blobs on disk, real git. */
import { createRunner, type Ports } from '../../src/app.ts'
import { openApp, type App } from '../../src/compose.ts'
import { readConfig, type Config } from '../../src/config.ts'
import type { Actor, Origin } from '../../src/core/kernel/actor.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import type { QueueRunner } from '../../src/platform/queue/runner.ts'

const OPERATOR: Actor = { kind: 'operator' }
export const TEST_ORIGIN: Origin = { surface: 'test', address: null, agent: null, requestId: null }

/** The configuration of an installation over repositories on this machine. */
export function configOf(data: string, change: Readonly<Record<string, string>> = {}): Config {
  return readConfig({
    REPERTOIRE_DATA: data,
    REPERTOIRE_ALLOW_FILE_SOURCES: 'true',
    REPERTOIRE_ALLOW_HTTP_SOURCES: 'true',
    REPERTOIRE_ADVISORY_FEED: 'off',
    REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8',
    ...change,
  })
}

/** Opens an installation; log lines of level warn and above are collected. */
export async function openInstallation(config: Config, lines: string[] = []): Promise<App> {
  return openApp(config, { migrates: true, write: (line) => void lines.push(line) })
}

export function operatorCtx(app: App): Ctx {
  return app.ctx(OPERATOR, TEST_ORIGIN)
}

/** Waits until no job is running and none is due. */
export async function untilIdle(ports: Ports): Promise<void> {
  const deadline = performance.now() + 60_000
  while ((await countDue(ports)) > 0) {
    if (performance.now() > deadline) {
      throw new Error('Jobs did not end within a minute.')
    }
    await Bun.sleep(3)
  }
}

/** Runs jobs until none is due, as a server does that is started again after a crash. */
export async function runJobs(app: App): Promise<void> {
  const runner = startRunner(app)
  await runner.start()
  await untilIdle(app.ports)
  await runner.drain(10_000)
}

function startRunner(app: App): QueueRunner {
  return createRunner(app.ports, {
    owner: `${app.owner}/${app.ports.newId()}`,
    lanes: { interactive: 1, background: 1 },
    deadOwners: '',
    schedules: [],
  })
}

async function countDue(ports: Ports): Promise<number> {
  const row = await ports.database.read
    .selectFrom('jobs')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where((where) =>
      where.or([
        where('state', '=', 'running'),
        where.and([where('state', '=', 'queued'), where('run_at', '<=', ports.clock.now())]),
      ]),
    )
    .executeTakeFirstOrThrow()
  return row.count
}

/** Reads lines from a child's output, one at a time. */
export function lineReader(output: ReadableStream<Uint8Array>): { next(): Promise<string | null>; rest(): Promise<string[]> } {
  const lines = readLines(output)
  async function next(): Promise<string | null> {
    const { value, done } = await lines.next()
    return done === true ? null : value
  }
  return {
    next,
    async rest() {
      const left: string[] = []
      for (let line = await next(); line !== null; line = await next()) {
        left.push(line)
      }
      return left
    },
  }
}

async function* readLines(output: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder()
  let open = ''
  for await (const chunk of output) {
    const lines = `${open}${decoder.decode(chunk, { stream: true })}`.split('\n')
    open = lines.pop() ?? ''
    yield* lines
  }
  if (open !== '') {
    yield open
  }
}
