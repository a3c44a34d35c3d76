/**
 * Abuse 53: `kill -9` at every step of a sync and of the building of archives. A round changes the repository, lets a child
 * process sync it until it kills itself at a chosen point, looks at what is left, and lets the next child go on. After each
 * round everything must be as in an installation that was never disturbed.
 */
import { Database as SqliteDatabase } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createOrganization } from '../../src/core/access/index.ts'
import type { App } from '../../src/compose.ts'
import { addSource, getSource, requestSync, type Source } from '../../src/core/sources/index.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { packageCommit } from '../kit/git-source.ts'
import { expectGrown, expectSwept, readRecord, type Grown, type Published } from './crash-record.ts'
import type { CrashPoint } from './crash-point.ts'
import { configOf, lineReader, openInstallation, operatorCtx, runJobs } from './installation.ts'

const KILLS = 20
/** Lines of progress that git prints while it fetches what is new. */
const FETCH_LINES = 24
/** Writes of the transaction that records a sync, and of the one that records an archive. */
const SYNC_WRITES = 20
const ARCHIVE_WRITES = 4
const LANES = 2
const KEPT_TAGS = 4

/** A repository with all of its commits, an installation that published its first state, and what follows undisturbed. */
interface History {
  directory: string
  repository: TestRepository
  commits: string[]
  expected: Published[]
}

/** A copy of both to work on. */
interface Workspace {
  data: string
  url: string
  /** Brings the repository to the state of a round. */
  moveTo(round: number): Promise<void>
}

let history: History

beforeAll(async () => {
  history = await createHistory()
}, 60_000)

afterAll(async () => {
  await history.repository.remove()
  rmSync(history.directory, { recursive: true, force: true })
})

async function createHistory(): Promise<History> {
  const directory = scratchDirectory('history')
  await bundleChild(directory)
  const repository = await createTestRepository()
  const commits = await repository.commit(...Array.from({ length: KILLS + 1 }, (_, round) => commitOf(round)))
  await repository.setRefs(refsOf(commits, 0))
  const app = await openInstallation(configOf(join(directory, 'template')))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  await app.close()
  const started: History = { directory, repository, commits, expected: [] }
  return { ...started, expected: await publishUndisturbed(started) }
}

/** Hundreds of children start: a bundle halves what each of them takes for that. */
async function bundleChild(directory: string): Promise<void> {
  const entrypoints = [join(import.meta.dir, 'sync-child.ts')]
  await Bun.build({ entrypoints, outdir: directory, target: 'bun', format: 'cjs', bytecode: true, throw: true })
}

async function publishUndisturbed(started: History): Promise<Published[]> {
  const workspace = createWorkspace(started, 'undisturbed')
  const published = [(await readRecord(workspace.data, 'acme')).published]
  const app = await openInstallation(configOf(workspace.data))
  const source = await getOnlySource(app)
  for (let round = 1; round <= KILLS; round += 1) {
    await workspace.moveTo(round)
    await requestSync(operatorCtx(app), source)
    await runJobs(app)
    published.push((await readRecord(workspace.data, 'acme')).published)
  }
  await app.close()
  return published
}

async function getOnlySource(app: App): Promise<Source> {
  const row = await app.ports.database.read
    .selectFrom('sources')
    .select(['uid', 'organization_id as organization'])
    .executeTakeFirstOrThrow()
  return getSource(operatorCtx(app), row)
}

function createWorkspace({ directory, repository, commits }: History, name: string): Workspace {
  const place = join(directory, name)
  const bare = join(place, 'repository')
  cpSync(repository.directory, bare, { recursive: true })
  cpSync(join(directory, 'template'), join(place, 'data'), { recursive: true })
  const database = new SqliteDatabase(join(place, 'data', 'repertoire.db'))
  database.run('UPDATE sources SET url = ?', [`file://${bare}`])
  database.close()
  return { data: join(place, 'data'), url: `file://${bare}`, moveTo: (round) => moveRefs(bare, refsOf(commits, round)) }
}

/** Each commit has a file of its own, incompressible so that its transfer takes a while. */
function commitOf(round: number) {
  const noise = Buffer.concat(
    Array.from({ length: 3_000 }, (_, part) => createHash('sha256').update(`${round} ${part}`).digest()),
  )
  return packageCommit(
    { description: `round ${round}`, provide: { 'psr/log-implementation': '1.0' } },
    { noise, 'src/A.php': `<?php // ${round}\n`, 'README.md': `# Round ${round}\n` },
  )
}

/** In every round a tag is new, one moves, one vanishes, and the default branch moves. */
function refsOf(commits: readonly string[], round: number): Record<string, string | null> {
  const refs: Record<string, string | null> = {
    'refs/heads/main': commits[round] ?? '',
    'refs/tags/v0.9.0': commits[Math.max(0, round - 1)] ?? '',
    [`refs/tags/v1.0.${round}`]: commits[round] ?? '',
  }
  if (round > KEPT_TAGS) {
    refs[`refs/tags/v1.0.${round - KEPT_TAGS}`] = null
  }
  return refs
}

async function moveRefs(directory: string, refs: Readonly<Record<string, string | null>>): Promise<void> {
  const lines = Object.entries(refs).map(([name, id]) => (id === null ? `delete ${name}\n` : `update ${name} ${id}\n`))
  const child = Bun.spawn(['git', 'update-ref', '--stdin'], {
    cwd: directory,
    stdin: Buffer.from(lines.join('')),
    stderr: 'inherit',
  })
  expect(await child.exited).toBe(0)
}

/** A child that has opened the installation and finished what the one before it left. */
async function startChild(data: string, point: CrashPoint) {
  const child = Bun.spawn([process.execPath, join(history.directory, 'sync-child.js'), data, JSON.stringify(point)], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = lineReader(child.stdout)
  expect(await lines.next()).toBe('idle')
  return { child, lines }
}

const lanes = Array.from({ length: LANES }, () => Promise.resolve())

/** Campaigns share nothing; as many run at once as small machines have processors. */
async function inLane(campaign: () => Promise<void>): Promise<void> {
  const lane = lanes.shift() ?? Promise.resolve()
  const running = lane.then(campaign)
  lanes.push(running.catch(() => {}))
  await running
}

interface Campaign {
  name: string
  /** The point of a round, counted from 1. */
  point: (round: number) => CrashPoint
  /** Whether the round's publication was committed when the process died. */
  isPublished: boolean
}

const CAMPAIGNS: Campaign[] = [
  ...['fetch', 'refs', 'manifests', 'identify', 'record'].map((step) => ({
    name: `at the step ${step} of a sync`,
    point: (): CrashPoint => ({ of: 'sync', at: 'step', step }),
    isPublished: false,
  })),
  {
    name: 'in the middle of the git fetch',
    point: (round) => ({ of: 'sync', at: 'fetch', lines: round % FETCH_LINES }),
    isPublished: false,
  },
  {
    name: 'after each write of the transaction that records a sync',
    point: (round) => ({ of: 'sync', at: 'write', writes: 1 + (round % SYNC_WRITES) }),
    isPublished: false,
  },
  { name: 'right before a sync is committed', point: () => ({ of: 'sync', at: 'before-commit' }), isPublished: false },
  { name: 'right after a sync was committed', point: () => ({ of: 'sync', at: 'after-commit' }), isPublished: true },
  { name: 'before an archive is built', point: () => ({ of: 'archive', at: 'step', step: 'archive' }), isPublished: true },
  {
    name: 'in the middle of writing a blob',
    point: (round) => ({ of: 'archive', at: 'blob', bytes: round * 4_500 }),
    isPublished: true,
  },
  { name: 'between the blob and its row', point: () => ({ of: 'archive', at: 'step', step: 'store' }), isPublished: true },
  {
    name: 'after each write of the transaction that records an archive',
    point: (round) => ({ of: 'archive', at: 'write', writes: 1 + (round % ARCHIVE_WRITES) }),
    isPublished: true,
  },
  { name: 'right after an archive was committed', point: () => ({ of: 'archive', at: 'after-commit' }), isPublished: true },
]

/** Kills one child at the point of a round and returns what it printed after it was asked for the sync. */
async function killAt(
  data: string,
  point: CrashPoint,
  round: { prepare: () => Promise<void>; order: string },
): Promise<string[]> {
  const { child, lines } = await startChild(data, point)
  await round.prepare()
  await child.stdin.write(`${round.order}\n`)
  await child.stdin.flush()
  const printed = await lines.rest()
  await child.exited
  expect({ signal: child.signalCode, survived: printed.includes('survived') }).toEqual({ signal: 'SIGKILL', survived: false })
  return printed
}

/** Lets a last child finish what is left and end by itself. */
async function finish(data: string, point: CrashPoint): Promise<void> {
  const { child } = await startChild(data, point)
  await child.stdin.end()
  expect(await child.exited).toBe(0)
}

function expectAcknowledged(printed: readonly string[], grown: Grown): void {
  const requested = printed.find((line) => line.startsWith('requested '))
  if (requested !== undefined) {
    expect(grown.jobs).toContain(Number(requested.split(' ')[1]))
  }
}

/** After a crash every archive is there with the right bytes or not there yet. */
function expectArchives(found: Published, expected: Published): void {
  for (const [reference, sha256] of Object.entries(found.archives)) {
    if (sha256 !== null) {
      expect(sha256).toBe(expected.archives[reference] ?? '')
    }
  }
}

describe('abuse 53: a process that is killed twenty times', () => {
  test.concurrent.each(CAMPAIGNS)(
    '$name leaves old or new, and the next one completes it',
    ({ name, point, isPublished }) =>
      inLane(async () => {
        const workspace = createWorkspace(history, name.replaceAll(' ', '-'))
        const { data } = workspace
        let before = (await readRecord(data, 'acme')).grown
        for (let round = 1; round <= KILLS; round += 1) {
          const prepare = async () => {
            const recovered = await readRecord(data, 'acme')
            expect(recovered.open).toEqual([])
            expect(recovered.published).toEqual(history.expected[round - 1]!)
            expectGrown(before, recovered.grown)
            before = recovered.grown
            await workspace.moveTo(round)
          }
          const printed = await killAt(data, point(round), { prepare, order: 'sync' })
          const left = await readRecord(data, 'acme')
          expect(left.published.versions).toEqual(history.expected[isPublished ? round : round - 1]!.versions)
          expectArchives(left.published, history.expected[round]!)
          expectGrown(before, left.grown)
          expectAcknowledged(printed, left.grown)
          before = left.grown
        }
        await finish(data, point(0))
        const last = await readRecord(data, 'acme')
        expect(last.published).toEqual(history.expected[KILLS]!)
        expect(last.open).toEqual([])
        expectGrown(before, last.grown)
        await expectSwept(data)
      }),
    240_000,
  )

  test.concurrent(
    'in the middle of the first fetch of a source leaves no mirror, and the next one makes it',
    () =>
      inLane(async () => {
        const workspace = createWorkspace(history, 'first-fetch')
        const { data, url } = workspace
        for (let round = 1; round <= KILLS; round += 1) {
          const point: CrashPoint = { of: 'sync', at: 'fetch', lines: round % FETCH_LINES }
          await killAt(data, point, { prepare: async () => {}, order: `add round-${round} ${url}` })
          const left = await readRecord(data, `round-${round}`)
          expect(left.published).toEqual({ versions: [], archives: {} })
        }
        await finish(data, { of: 'sync', at: 'fetch', lines: 0 })
        const undisturbed = history.expected[0]!
        for (let round = 1; round <= KILLS; round += 1) {
          const last = await readRecord(data, `round-${round}`)
          expect(last.published).toEqual(undisturbed)
          expect(last.open).toEqual([])
        }
        await expectSwept(data)
      }),
    240_000,
  )
})
