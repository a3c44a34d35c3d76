/** The core in two processes over one database: two handles, each with its own ports, one clock, one git, one store. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createCtx, createRunner, SYSTEM, type Ports } from '../../src/app.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { createMemoryBlobs } from '../../src/platform/blobs/memory.ts'
import { createSecrets } from '../../src/platform/crypto/secrets.ts'
import { createGit } from '../../src/platform/git/create-git.ts'
import { createEgress } from '../../src/platform/http/egress.ts'
import { createHttp } from '../../src/platform/http/create-http.ts'
import type { Database } from '../../src/platform/db/database.ts'
import { TEST_LIMITS } from '../kit/app.ts'
import { openSharedState } from '../kit/shared-state.ts'
import { createTestDatabase, scratchDirectory, type DatabaseKind } from '../kit/database.ts'
import { newId, recordingLog, systemClock, systemRandom, type LogEntry } from './queue-kit.ts'

/** One of the two processes. */
export interface Side {
  ports: Ports
  /** As the operator. */
  ctx(): Ctx
  /** As the registry itself, which runs the jobs. */
  system(): Ctx
}

export interface CorePair {
  left: Side
  right: Side
  organization: OrganizationId
  log: LogEntry[]
  /** Runs jobs on both sides until none is left. */
  runJobs(): Promise<void>
  end(): Promise<void>
}

export async function createCorePair(kind: DatabaseKind): Promise<CorePair> {
  const test = await createTestDatabase(kind)
  const directory = scratchDirectory('race')
  const log: LogEntry[] = []
  const secrets = createSecrets({ key: systemRandom.bytes(32), random: systemRandom, redact: () => {} })
  const sourceUrls = { allowFile: true, allowHttp: true }
  const egress = createEgress({ allow: ['127.0.0.0/8'] })
  const git = await createGit({ root: join(directory, 'git'), policy: sourceUrls, egress, secrets, log: recordingLog(log) })
  const ending = new AbortController()
  const shared = {
    clock: systemClock,
    random: systemRandom,
    newId,
    log: recordingLog(log),
    blobs: createMemoryBlobs({ clock: systemClock }),
    git,
    http: createHttp(egress),
    secrets,
    passwords: { hash: async () => '', verify: async () => false, isOutdated: () => false },
    limits: TEST_LIMITS,
    retention: { auditDays: 400, statisticsDays: 400 },
    archives: { enabled: true, keepReleases: 0 },
    sourceUrls,
    advisoryFeed: null,
    malwareFeed: null,
    mailer: null,
    publicUrl: null,
    ending: ending.signal,
  }
  const over = (database: Database) => ({
    database,
    ...openSharedState({ clock: systemClock, database }),
  })
  const left = toSide({ ...shared, ...over(test.database) })
  const right = toSide({ ...shared, ...over(test.openAnother()) })
  const { id: organization } = await createOrganization(left.ctx(), { slug: 'acme', name: 'Acme' })
  return {
    left,
    right,
    organization,
    log,
    runJobs: () => runJobs([left, right]),
    async end() {
      ending.abort(new Error('The test ended.'))
      await git.close()
      await test.drop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function toSide(ports: Ports): Side {
  const origin = { surface: 'test', address: null, agent: null, requestId: null }
  return { ports, ctx: () => createCtx(ports, { kind: 'operator' }, origin), system: () => createCtx(ports, SYSTEM, origin) }
}

async function runJobs(sides: readonly Side[]): Promise<void> {
  const lanes = { interactive: 2, background: 2 }
  const runners = sides.map(({ ports }) => createRunner(ports, { owner: `test/${newId()}`, lanes, schedules: [] }))
  await Promise.all(runners.map((runner) => runner.start()))
  const { database } = sides[0]!.ports
  const left = database.write.selectFrom('jobs').select('id').where('state', 'in', ['queued', 'running'])
  const deadline = performance.now() + 60_000
  while ((await left.execute()).length > 0) {
    if (performance.now() > deadline) {
      throw new Error('Jobs did not end within a minute.')
    }
    await Bun.sleep(5)
  }
  await Promise.all(runners.map((runner) => runner.drain(10_000)))
}
