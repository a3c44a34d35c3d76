/**
 * Abuse 64: a secret with which a source is fetched, and the key that seals it, appear nowhere: whatever goes wrong, they are
 * looked for in all that the installation writes, says and starts.
 */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../../src/compose.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import { addSource, getSource, requestSync, syncSource, type Source } from '../../src/core/sources/index.ts'
import { createJobHandlers } from '../../src/app.ts'
import { createQueueRunner } from '../../src/platform/queue/runner.ts'
import { scratchDirectory } from '../kit/database.ts'
import { memoryReport, packageCommit, temporaryRepository } from '../kit/git-source.ts'
import { startGitServer, type GitServer, type GitServerBehaviour } from '../kit/git-server.ts'
import { configOf, openInstallation, operatorCtx, untilIdle } from './installation.ts'

const CANARY = `canary/${crypto.randomUUID()}+ä`
const KEY = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
const ACCEPTED = `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`
/** Every spelling in which the secret or the key could come out. */
const FORMS = [
  CANARY,
  Buffer.from(CANARY).toString('latin1'),
  encodeURIComponent(CANARY),
  JSON.stringify(CANARY).slice(1, -1),
  Buffer.from(CANARY).toString('base64').slice(0, 40),
  Buffer.from(CANARY).toString('hex'),
  ACCEPTED.slice('Basic '.length),
  KEY,
  Buffer.from(KEY, 'hex').toString('base64'),
  Buffer.from(KEY, 'hex').toString('latin1'),
]

let data: string
let server: GitServer
let app: App
let source: Source
const log: string[] = []
const said: string[] = []

beforeEach(async () => {
  data = scratchDirectory('canary')
  const repository = await temporaryRepository()
  const commits = await repository.commit(
    packageCommit({}),
    packageCommit({}, { noise: crypto.getRandomValues(Buffer.alloc(200_000)) }),
  )
  await repository.setRefs({ 'refs/heads/main': commits[0] ?? '', 'refs/tags/v1.0.0': commits[1] ?? '' })
  server = await startGitServer(repository.directory)
  log.length = 0
  said.length = 0
  app = await openInstallation(
    configOf(data, { REPERTOIRE_SECRET_KEY: KEY, REPERTOIRE_LOG_LEVEL: 'debug', REPERTOIRE_SOURCE_STALL_SECONDS: '1' }),
    log,
  )
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  const credential = { kind: 'basic', username: 'user', password: CANARY } as const
  source = (await addSource(operatorCtx(app), { organization, url: server.url, credential })).source
})

afterEach(async () => {
  await app.close()
  await server.stop()
  rmSync(data, { recursive: true, force: true })
})

/** Takes down what somebody who causes or watches a failure is told. */
async function hear(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch (error) {
    said.push(Bun.inspect(error), String(error), JSON.stringify(error), error instanceof Error ? (error.stack ?? '') : '')
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

async function syncOnce(): Promise<string | null> {
  return hear(() => syncSource(operatorCtx(app), source.id, recordingReport()))
}

function recordingReport() {
  const report = memoryReport()
  return { ...report, log: (level: string, line: string) => void said.push(`${level} ${line}`), progress: () => {} }
}

/** Runs the queued jobs with their tries in quick succession. */
async function runQueue(): Promise<void> {
  const { ports } = app
  const runner = createQueueRunner({
    database: ports.database,
    clock: ports.clock,
    random: ports.random,
    log: ports.log,
    newId: () => ports.newId(),
    handlers: createJobHandlers(ports),
    owner: `${app.owner}/${ports.newId()}`,
    lanes: { interactive: 1, background: 1 },
    leaseDuration: 30_000,
    backoff: { base: 1, cap: 1 },
  })
  await runner.start()
  await untilIdle(ports)
  await runner.drain(10_000)
}

/** The command lines of all processes of the machine, and the environment of none, while `work` runs. */
async function watchProcesses(work: () => Promise<void>): Promise<string> {
  const seen = new Set<string>()
  let isDone = false
  const watching = (async () => {
    while (!isDone) {
      for (const pid of await readdir('/proc')) {
        if (/^\d+$/.test(pid)) {
          seen.add(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''))
        }
      }
    }
  })()
  await work().finally(() => {
    isDone = true
  })
  await watching
  return [...seen].join('\n')
}

async function readDatabase(): Promise<string> {
  const { write } = app.ports.database
  const tables = [
    'jobs',
    'job_logs',
    'events',
    'sources',
    'credentials',
    'settings',
    'source_refs',
    'manifests',
    'packages',
  ] as const
  const rows = await Promise.all(tables.map((table) => write.selectFrom(table).selectAll().execute()))
  return JSON.stringify(rows)
}

async function readFiles(): Promise<string> {
  const names = [...new Bun.Glob('**/*').scanSync({ cwd: data, dot: true })]
  expect(names.filter((name) => name.endsWith('/config')).length).toBeGreaterThan(0)
  return (await Promise.all(names.map((name) => readFile(join(data, name), 'latin1')))).join('\n')
}

async function expectNoTrace(commandLines: string): Promise<void> {
  const places = {
    log: log.join(''),
    said: said.join('\n'),
    database: await readDatabase(),
    files: await readFiles(),
    commandLines,
  }
  const traces = Object.entries(places).flatMap(([place, text]) =>
    FORMS.filter((form) => text.includes(form)).map((form) => `${place}: ${form}`),
  )
  expect(traces).toEqual([])
}

const FAILURES: [name: string, code: string, behaviour: Partial<GitServerBehaviour>][] = [
  ['refuses the credential', 'source_refused', { authorization: 'Basic somebody-else' }],
  [
    'asks for another way to authenticate',
    'source_refused',
    { authorization: 'Bearer x', challenge: 'Bearer realm="elsewhere"' },
  ],
  ['forbids', 'source_refused', { status: 403 }],
  ['has no such repository', 'source_unreachable', { status: 404 }],
  ['is out of order', 'source_unreachable', { status: 500 }],
  ['has moved', 'source_moved', { redirect: (path) => `http://127.0.0.2:9${path}?token=${encodeURIComponent(CANARY)}` }],
  ['breaks off', 'source_unreachable', { after: 1_000, fault: 'close' }],
  ['stands still', 'source_timeout', { after: 1_000, fault: 'stall' }],
  // The last one: the host is left alone for a while then.
  ['limits requests', 'source_limited', { status: 429, headers: { 'retry-after': '60' } }],
]

test('of a host that fails in nine ways, and of one that then works', async () => {
  const initial = { ...server.behaviour, authorization: ACCEPTED }
  const commandLines = await watchProcesses(async () => {
    for (const [name, code, behaviour] of FAILURES) {
      Object.assign(server.behaviour, initial, behaviour)
      expect({ name, code: await syncOnce() }).toEqual({ name, code })
    }
    Object.assign(server.behaviour, initial)
    // The minute for which the host is left alone is over.
    await app.ports.database.write.updateTable('source_pauses').set({ paused_until: 1 }).execute()
    await runQueue()
  })

  expect(commandLines).toContain('ls-remote')
  expect(server.requests.some((request) => request.authorization === ACCEPTED)).toBe(true)
  expect(await app.ports.database.read.selectFrom('versions').select('version').execute()).toHaveLength(2)
  await expectNoTrace(commandLines)
}, 60_000)

test('of a sync that fails through all of its tries', async () => {
  server.behaviour.authorization = 'Basic somebody-else'
  await runQueue()

  const [job] = await app.ports.database.read.selectFrom('jobs').select(['state', 'error_code']).execute()
  expect(job).toEqual({ state: 'failed', error_code: 'source_refused' })
  expect(log.join('')).toContain('A job failed.')
  server.behaviour.authorization = ACCEPTED
  expect(await syncOnce()).toBeNull()
  await expectNoTrace('')
})

test('of a sealed secret that was damaged, and of requests that carry a secret where it does not belong', async () => {
  server.behaviour.authorization = ACCEPTED
  expect(await syncOnce()).toBeNull()
  await app.ports.database.write.updateTable('credentials').set({ secret: 'v1.AAAA' }).execute()
  await requestSync(operatorCtx(app), await getSource(operatorCtx(app), { organization: source.organization, uid: source.uid }))
  await runQueue()
  const encoded = encodeURIComponent(CANARY)
  const urls = [
    `http://user:${encoded}@127.0.0.1/r.git`,
    `http://127.0.0.1/r.git?token=${encoded}`,
    `http://${encoded}@127.0.0.1/`,
  ]
  for (const url of urls) {
    const { organization } = source
    expect(await hear(() => addSource(operatorCtx(app), { organization, url, credential: null }))).toBe('invalid_url')
  }

  expect(log.join('')).toContain('A job failed unexpectedly.')
  await expectNoTrace('')
})

test('of a start with another key, or with one that is none', async () => {
  server.behaviour.authorization = ACCEPTED
  expect(await syncOnce()).toBeNull()
  const other = Buffer.from(KEY, 'hex').reverse().toString('hex')

  expect(await hear(() => openInstallation(configOf(data, { REPERTOIRE_SECRET_KEY: other }), log))).toContain(
    'The secret key is not the one',
  )
  expect(await hear(() => openInstallation(configOf(data, { REPERTOIRE_SECRET_KEY: `${KEY}0` }), log))).toContain(
    'must hold 32 random bytes',
  )

  await expectNoTrace('')
  for (const text of [...said, ...log]) {
    expect(text).not.toContain(other)
  }
})
