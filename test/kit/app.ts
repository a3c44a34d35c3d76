/**
 * The whole core over a real database of its own, with a clock that stands still, ids and randomness that repeat, and blobs
 * in memory. `git: true` adds real git over mirrors in a scratch directory. When a test ends, the kit fails it if
 * something was left behind: a job queued or failed, a transaction that recorded no event, an unexpected
 * warning in the log.
 */
import { afterEach } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createCtx, createRunner, SYSTEM, type Ports } from '../../src/app.ts'
import { createOrganization, createToken, authenticate } from '../../src/core/access/index.ts'
import type { Actor, Origin } from '../../src/core/kernel/actor.ts'
import type { ArchivePolicy, Ctx } from '../../src/core/kernel/ctx.ts'
import type { DomainEvent } from '../../src/core/kernel/events.ts'
import type { Git, Logger } from '../../src/core/kernel/ports.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import type { Organization } from '../../src/core/organizations/index.ts'
import { createMemoryBlobs, type MemoryBlobs } from '../../src/platform/blobs/memory.ts'
import { createTestClock, type TestClock } from '../../src/platform/clock/test-clock.ts'
import { createSeededRandom } from '../../src/platform/crypto/random.ts'
import { createSecrets } from '../../src/platform/crypto/secrets.ts'
import { createUuidv7 } from '../../src/platform/crypto/uuidv7.ts'
import { createGit } from '../../src/platform/git/create-git.ts'
import { createEgress } from '../../src/platform/http/egress.ts'
import { createHttp } from '../../src/platform/http/create-http.ts'
import { createMemoryMailer, type MemoryMailer } from '../../src/platform/mail/memory-mailer.ts'
import { createLogger } from '../../src/platform/log/logger.ts'
import { createRedactionRegistry } from '../../src/platform/log/redaction.ts'
import { openSharedState } from './shared-state.ts'
import { createTestDatabase, scratchDirectory, type TestDatabase } from './database.ts'
import { READ_SCOPES, UPDATE_SCOPES } from '../../src/core/kernel/scopes.ts'

export const OPERATOR: Actor = { kind: 'operator' }
const TEST_ORIGIN: Origin = { surface: 'test', address: null, agent: null, requestId: null }
const START = '2026-03-01T12:00:00Z'

/** Limits small enough to be reached by a test. */
export const TEST_LIMITS = {
  manifestBytes: 1024 * 1024,
  sourceRefs: 200_000,
  sourceBytes: 200 * 1024 * 1024,
  sourceObjects: 1_000_000,
  sourceStall: 10_000,
  sourceDuration: 60_000,
  archiveBytes: 64 * 1024 * 1024,
  archiveEntries: 20_000,
}

export interface TestApp {
  readonly ports: Ports
  readonly clock: TestClock
  readonly blobs: MemoryBlobs
  readonly mailer: MemoryMailer
  readonly test: TestDatabase
  readonly events: DomainEvent[]
  /** Entries of level warn and above; a test takes out what it expects. */
  readonly warnings: string[]
  readonly directory: string
  ctx(actor?: Actor): Ctx
  organization(slug?: string): Promise<Organization>
  token(
    organization: OrganizationId,
    access?: 'read' | 'update',
    packages?: string[] | null,
  ): Promise<{ secret: string; actor: Actor; uid: string }>
  /** Runs jobs until none is due. Failed ones stay failed and must be expected by `expectFailedJobs`. */
  runJobs(): Promise<void>
  /** Lets the test end with this many failed jobs and any number of jobs that wait for their next try. */
  expectFailedJobs(count: number): void
  /** Lets the test end with jobs that were not run. */
  leaveJobs(): void
  close(): Promise<void>
}

const open = new Set<{ app: TestApp; check: () => Promise<string[]> }>()

afterEach(async () => {
  const problems: string[] = []
  for (const entry of [...open]) {
    open.delete(entry)
    problems.push(...(await entry.check()))
    await entry.app.close()
  }
  if (problems.length > 0) {
    throw new Error(`The test left something behind:\n${problems.join('\n')}`)
  }
})

const absentGit = new Proxy({} as Git, {
  get() {
    throw new Error('This test has no git; ask createTestApp for it.')
  },
})

export async function createTestApp(
  wanted: { git?: boolean; mail?: boolean; archives?: ArchivePolicy; advisoryFeed?: string; malwareFeed?: string } = {},
): Promise<TestApp> {
  const test = await createTestDatabase()
  const clock = createTestClock(START)
  const directory = scratchDirectory('app')
  const random = createSeededRandom(20260301)
  const nextId = createUuidv7(random)
  const warnings: string[] = []
  const redactions = createRedactionRegistry()
  const log: Logger = createLogger({
    level: 'warn',
    format: 'text',
    write: (line) => void warnings.push(line),
    clock,
    redactions,
  })
  const blobs = createMemoryBlobs({ clock })
  const mailer = createMemoryMailer()
  const secrets = createSecrets({ key: random.bytes(32), random, redact: (secret) => redactions.register(secret) })
  const policy = { allowFile: true, allowHttp: true }
  const egress = createEgress({ allow: ['127.0.0.0/8', '::1/128'] })
  const git = wanted.git === true ? await createGit({ root: join(directory, 'git'), policy, egress, secrets, log }) : null
  const ending = new AbortController()
  const events: DomainEvent[] = []
  const silent: number[] = []
  const ports: Ports = {
    database: test.database,
    clock,
    random,
    newId: () => nextId(clock.now()),
    log,
    blobs,
    git: git ?? absentGit,
    http: createHttp(egress),
    ...openSharedState({ clock, database: test.database }),
    secrets,
    passwords: {
      hash: async (password) => `hash:${password}`,
      verify: async (password, hash) => hash === `hash:${password}`,
      isOutdated: (hash) => !hash.startsWith('hash:'),
    },
    limits: TEST_LIMITS,
    retention: { auditDays: 400, statisticsDays: 400 },
    archives: wanted.archives ?? { enabled: true, keepReleases: 0 },
    sourceUrls: policy,
    advisoryFeed: wanted.advisoryFeed ?? null,
    malwareFeed: wanted.malwareFeed ?? null,
    mailer: wanted.mail === true ? mailer : null,
    publicUrl: 'https://packages.example.org',
    ending: ending.signal,
    observe(committed) {
      events.push(...committed.events)
      if (committed.events.length === 0) {
        silent.push(committed.jobs)
      }
    },
  }
  const expected = { failed: 0, waiting: false }
  const app: TestApp = {
    ports,
    clock,
    blobs,
    mailer,
    test,
    events,
    warnings,
    directory,
    ctx: (actor = OPERATOR) => createCtx(ports, actor, TEST_ORIGIN),
    organization: (slug = 'acme') => createOrganization(app.ctx(), { slug, name: slug }),
    async token(organization, access = 'read', packages = null) {
      const issued = await createToken(app.ctx(), {
        organization,
        name: `${access} token`,
        scopes: access === 'read' ? READ_SCOPES : UPDATE_SCOPES,
        packages,
        expiresAt: null,
      })
      const actor = await authenticate(test.database.read, issued.secret, clock.now())
      if (actor === null) {
        throw new Error('A token that was just created is not accepted.')
      }
      return { secret: issued.secret, actor, uid: issued.token.uid }
    },
    runJobs: () => runJobs(ports),
    expectFailedJobs(count) {
      expected.failed = count
      expected.waiting = true
    },
    leaveJobs() {
      expected.waiting = true
    },
    async close() {
      ending.abort(new Error('The test ended.'))
      await git?.close()
      await test.drop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
  open.add({ app, check: () => findLeftovers(app, { ...expected, silent: silent.length }) })
  return app
}

async function runJobs(ports: Ports): Promise<void> {
  const runner = createRunner(ports, { owner: `test/${ports.newId()}`, lanes: { interactive: 2, background: 2 }, schedules: [] })
  await runner.start()
  const deadline = performance.now() + 60_000
  while ((await countDue(ports)) > 0) {
    if (performance.now() > deadline) {
      throw new Error('Jobs did not end within a minute.')
    }
    await Bun.sleep(5)
  }
  await runner.drain(10_000)
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

async function findLeftovers(app: TestApp, expected: { failed: number; waiting: boolean; silent: number }): Promise<string[]> {
  const problems: string[] = []
  const jobs = await app.ports.database.read.selectFrom('jobs').select(['kind', 'state', 'error']).execute()
  const failed = jobs.filter((job) => job.state === 'failed')
  if (failed.length !== expected.failed) {
    problems.push(
      `${failed.length} jobs failed, ${expected.failed} expected: ${failed.map((job) => `${job.kind} ${job.error}`).join('; ')}`,
    )
  }
  const waiting = jobs.filter((job) => job.state === 'queued' || job.state === 'running')
  if (waiting.length > 0 && !expected.waiting) {
    problems.push(`jobs were left: ${waiting.map((job) => `${job.kind} ${job.state}`).join(', ')}`)
  }
  if (expected.silent > 0) {
    problems.push(`${expected.silent} transactions recorded no event`)
  }
  if (app.warnings.length > 0) {
    problems.push(`unexpected log entries: ${app.warnings.join('')}`)
  }
  return problems
}

/** The identity of the registry itself, for calling job handlers directly. */
export { SYSTEM }
