import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { tryLockData } from '../../src/platform/db/data-lock.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { collect, createCliFixture, until, type CliFixture } from './cli-fixture.ts'

let repository: TestRepository
let cli: CliFixture

beforeAll(async () => {
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/widgets"}' } })
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })
})
afterAll(() => repository.remove())

beforeEach(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

interface JobDocument {
  uid: string
  state: string
}

async function listJobs(): Promise<JobDocument[]> {
  return (await cli.succeed(['job', 'list', '--json'])).json<JobDocument[]>()
}

test('a running server does the work, and the command watches it', async () => {
  const server = cli.spawn(['serve'], { REPERTOIRE_PORT: '0', REPERTOIRE_HOST: '127.0.0.1' })
  await waitForText(server.stderr, 'Serving.')

  const locked = tryLockData(cli.directory)
  const added = await cli.succeed(['source', 'add', 'acme', repository.url])
  const second = await collect(cli.spawn(['serve']))
  const shown = await cli.succeed(['package', 'show', 'acme', 'acme/widgets', '--json'])
  server.kill('SIGTERM')
  const code = await server.exited

  expect(locked).toBeNull()
  expect(added.stdout).toContain('1 package with 2 versions')
  expect(shown.json<{ versions: unknown[] }>().versions).toHaveLength(2)
  expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('Another server')])
  expect(code).toBe(0)
})

async function waitForText(stream: ReadableStream<Uint8Array>, text: string): Promise<void> {
  const decoder = new TextDecoder()
  let seen = ''
  const reader = stream.getReader()
  while (!seen.includes(text)) {
    const { value, done } = await reader.read()
    seen += decoder.decode(value, { stream: true })
    if (done) {
      throw new Error(`The process ended without saying "${text}": ${seen}`)
    }
  }
}

test('while the lock is held and nobody works, the command only watches; Ctrl-C ends that and leaves the job', async () => {
  const lock = tryLockData(cli.directory)
  let interrupt = () => {}

  const adding = cli.run(['source', 'add', 'acme', repository.url], { onStart: (press) => (interrupt = press) })
  await until(async () => (await listJobs()).length === 1, 'the job')
  await Bun.sleep(400)
  const [job] = await listJobs()
  interrupt()
  const added = await adding
  lock?.release()
  const later = await cli.succeed(['job', 'show', job?.uid ?? '', '--wait', '--json'])

  expect(lock).not.toBeNull()
  expect(job?.state).toBe('queued')
  expect(added.code).toBe(130)
  expect(added.stderr).toContain(`repertoire job show ${job?.uid} --wait`)
  expect(later.json<JobDocument>().state).toBe('succeeded')
})

test('when the server goes away while a job is watched, the command takes over', async () => {
  const lock = tryLockData(cli.directory)

  const adding = cli.run(['source', 'add', 'acme', repository.url, '--json'])
  await until(async () => (await listJobs()).length === 1, 'the job')
  lock?.release()
  const added = await adding

  expect([added.code, added.stderr]).toEqual([0, ''])
  expect(added.json<{ versions: number }>().versions).toBe(2)
})

test('after its work the command gives the lock back', async () => {
  await cli.succeed(['source', 'add', 'acme', repository.url])

  const lock = tryLockData(cli.directory)
  lock?.release()

  expect(lock).not.toBeNull()
})

test('several commands at once all end well', async () => {
  const lines = ['a', 'b', 'c', 'd'].map((slug) => ['org', 'create', slug])

  const children = await Promise.all(lines.map((line) => collect(cli.spawn(line))))
  const list = await cli.succeed(['org', 'list', '--json'])

  expect(children.map(({ code, stderr }) => [code, stderr])).toEqual(lines.map(() => [0, '']))
  expect(list.json<unknown[]>()).toHaveLength(5)
})
