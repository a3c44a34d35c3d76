import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tryLockData } from '../../src/platform/db/data-lock.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { startGitServer, type GitServer } from '../kit/git-server.ts'
import { collect, createCliFixture, until, type CliFixture } from './cli-fixture.ts'

const PASSWORD = 'correct-horse-battery-staple'
const AUTHORIZATION = `Basic ${Buffer.from(`deploy:${PASSWORD}`).toString('base64')}`

interface SourceDocument {
  uid: string
  state: string
  packages: number
  versions: number
  skipped: { kind: string; name: string; code: string; reason: string }[]
  problem: { code: string } | null
  hasCredential: boolean
  job: string
}

let cli: CliFixture
let repository: TestRepository
let server: GitServer

beforeAll(async () => {
  repository = await createTestRepository()
  const [first = '', second = ''] = await repository.commit(
    { files: { 'composer.json': '{"name":"acme/widgets","description":"red \\u001b[31m widgets"}' } },
    { files: { 'composer.json': '{"name":"acme/widgets"}', 'a.php': '<?php' } },
  )
  await repository.setRefs({
    'refs/heads/main': second,
    'refs/tags/v1.0.0': first,
    'refs/tags/v1.1.0': second,
    'refs/tags/nightly': second,
  })
  server = await startGitServer(repository.directory)
})
afterAll(async () => {
  await server.stop()
  await repository.remove()
})

beforeEach(async () => {
  cli?.end()
  cli = createCliFixture({ REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.1' })
  server.behaviour.authorization = null
  server.requests.length = 0
  await cli.succeed(['org', 'create', 'acme'])
})
afterAll(() => cli.end())

describe('without a server', () => {
  test('a new source is read at once, with its archives, and its packages are listed', async () => {
    const added = await cli.succeed(['source', 'add', 'acme', repository.url])
    const packages = await cli.succeed(['package', 'list', 'acme', '--json'])
    const shown = await cli.succeed(['package', 'show', 'acme', 'acme/widgets', '--json'])

    expect(added.stdout).toContain('1 package with 3 versions, 1 ref skipped.\n     1  invalid-name\n')
    expect(added.stderr).toContain(`Added ${repository.url} to acme`)
    expect(added.stderr).toContain('warning: Skipped tag nightly')
    expect(packages.json<unknown[]>()).toMatchObject([{ name: 'acme/widgets', versions: 3 }])
    expect(shown.json<{ versions: unknown[] }>().versions).toMatchObject([
      { version: 'v1.1.0', stability: 'stable', archiveSha1: expect.stringMatching(/^[0-9a-f]{40}$/) },
      { version: 'v1.0.0', archiveSha1: expect.stringMatching(/^[0-9a-f]{40}$/) },
      { version: 'dev-main', defaultBranch: true },
    ])
  })

  test('with --json one document is on the output and nothing beside it', async () => {
    const added = await cli.succeed(['source', 'add', 'acme', repository.url, '--json'])

    expect(added.stderr).toBe('')
    expect(added.json<SourceDocument>()).toMatchObject({
      state: 'ready',
      packages: 1,
      versions: 3,
      problem: null,
      hasCredential: false,
      skipped: [{ kind: 'tag', name: 'nightly', code: 'invalid-name' }],
    })
  })

  test('a source is shown, synced and removed by its URL in any spelling, or its uid', async () => {
    const { uid } = (await cli.succeed(['source', 'add', 'acme', repository.url, '--json'])).json<SourceDocument>()

    const synced = await cli.succeed(['source', 'sync', 'acme', `${repository.url}/`, '--json'])
    const shown = await cli.succeed(['source', 'show', 'acme', uid])
    const removed = await cli.succeed(['source', 'remove', 'acme', repository.url, '--yes', '--json'])
    const again = await cli.run(['source', 'show', 'acme', uid])
    const list = await cli.succeed(['source', 'list', 'acme', '--json'])

    expect(synced.json<SourceDocument>()).toMatchObject({ uid, state: 'ready', versions: 3 })
    expect(shown.stdout).toMatch(/tag {3}nightly {2}invalid-name/)
    expect(removed.json<unknown>()).toMatchObject({ uid, removed: true })
    expect(again.code).toBe(3)
    expect(list.json<unknown>()).toEqual([])
  })

  test('removing asks first, and without a terminal demands --yes', async () => {
    await cli.succeed(['source', 'add', 'acme', repository.url])

    const silent = await cli.run(['source', 'remove', 'acme', repository.url])
    const declined = await cli.run(['source', 'remove', 'acme', repository.url], { terminal: true, input: '\n' })
    const kept = await cli.succeed(['source', 'list', 'acme', '--json'])
    const confirmed = await cli.run(['source', 'remove', 'acme', repository.url], { terminal: true, input: 'yes\n' })

    expect([silent.code, declined.code, confirmed.code]).toEqual([2, 1, 0])
    expect(declined.stderr).toContain('1 package with 3 versions and all archives will be gone')
    expect(kept.json<unknown[]>()).toHaveLength(1)
  })

  test('a repository that is not there fails with the reason, and the source says so', async () => {
    const missing = `file://${cli.directory}/missing`

    const added = await cli.run(['source', 'add', 'acme', missing, '--json'])
    const shown = await cli.succeed(['source', 'show', 'acme', missing, '--json'])

    expect(added.code).toBe(1)
    expect(JSON.parse(added.stderr)).toMatchObject({ error: { code: 'source_unreachable' } })
    expect(added.json<SourceDocument>()).toMatchObject({ state: 'failing', problem: { code: 'source_unreachable' } })
    expect(shown.json<SourceDocument>()).toMatchObject({ state: 'failing' })
  })

  test('what is there already is a conflict, and a URL that is not allowed is refused', async () => {
    await cli.succeed(['source', 'add', 'acme', repository.url, '--no-wait'])

    const twice = await cli.run(['source', 'add', 'acme', repository.url])
    const option = await cli.run(['source', 'add', 'acme', 'ext::sh -c id', '--json'])

    expect(twice.code).toBe(4)
    expect(option.code).toBe(4)
    expect(JSON.parse(option.stderr)).toMatchObject({ error: { code: 'invalid_url' } })
  })

  test('--no-wait leaves the work for later, and waiting for the job does it', async () => {
    const added = (await cli.succeed(['source', 'add', 'acme', repository.url, '--no-wait', '--json'])).json<SourceDocument>()
    const queued = await cli.succeed(['job', 'list', '--state', 'queued', '--org', 'acme', '--json'])

    const shown = await cli.succeed(['job', 'show', added.job, '--wait', '--json'])
    const source = await cli.succeed(['source', 'show', 'acme', added.uid, '--json'])

    expect(added.state).toBe('new')
    expect(queued.json<{ uid: string }[]>().map(({ uid }) => uid)).toEqual([added.job])
    expect(shown.json<{ state: string; log: { line: string }[] }>()).toMatchObject({
      state: 'succeeded',
      log: [{ level: 'warning' }, { line: '3 versions published, 0 updated, 0 removed.' }],
    })
    expect(source.json<SourceDocument>().versions).toBe(3)
  })

  test('only a failed job can be retried', async () => {
    await cli.succeed(['source', 'add', 'acme', repository.url])

    const listed = await cli.succeed(['job', 'list'])
    const retried = await cli.run(['job', 'retry', '1'])
    const missing = await cli.run(['job', 'show', '999'])

    expect(listed.stdout).toMatch(/^1 +source\.sync +acme +succeeded +1\/5/m)
    expect(retried.code).toBe(4)
    expect(missing.code).toBe(3)
  })

  test('a job that failed for good runs again when it is retried', async () => {
    server.behaviour.redirect = (path) => `${server.origin}/elsewhere${path}`
    const blocked = await cli.run(['source', 'add', 'acme', server.url], { env: { REPERTOIRE_ALLOW_PRIVATE_HOSTS: '' } })
    server.behaviour.redirect = () => null

    const retried = await cli.run(['job', 'retry', '1', '--json'])

    expect(blocked.code).toBe(1)
    expect(blocked.stderr).toContain('repertoire job retry')
    expect([retried.code, retried.stderr]).toEqual([0, ''])
    expect(retried.json<{ state: string }>().state).toBe('succeeded')
  })

  test('Ctrl-C gives the work back to the queue, and the data folder is free at once', async () => {
    server.behaviour.after = 20
    let interrupt = () => {}
    const adding = cli.run(['source', 'add', 'acme', server.url], { onStart: (press) => (interrupt = press) })
    await until(() => server.requests.some(({ method }) => method === 'POST'), 'the transfer')
    interrupt()
    const added = await adding
    server.behaviour.after = null

    const lock = tryLockData(cli.directory)
    lock?.release()
    const [job] = (await cli.succeed(['job', 'list', '--json'])).json<{ state: string; attempts: number }[]>()

    expect(added.code).toBe(130)
    expect(added.stderr).toContain('Stopped; the job goes back to the queue. Watch it again with: repertoire job show')
    expect(lock).not.toBeNull()
    expect(job).toMatchObject({ state: 'queued', attempts: 0 })
  })

  test('text of foreign origin cannot reach the terminal as control characters', async () => {
    await cli.succeed(['source', 'add', 'acme', repository.url])
    await repository.setRefs({ 'refs/heads/main': null })
    await cli.succeed(['source', 'sync', 'acme', repository.url])
    const [first = ''] = (await repository.git(['rev-parse', 'v1.0.0^{commit}'])).split('\n')
    await repository.setRefs({ 'refs/heads/main': first })

    const synced = await cli.succeed(['source', 'sync', 'acme', repository.url])
    const list = await cli.succeed(['package', 'list', 'acme'])

    expect(`${synced.stdout}${synced.stderr}${list.stdout}`).not.toMatch(/\u001b/)
    expect(list.stdout).toContain('red')
  })

  test('a terminal gets a bar that leaves nothing behind', async () => {
    const added = await cli.succeed(['source', 'add', 'acme', repository.url], { terminal: true })
    const lines = added.stderr.split('\n').map((line) => line.split('\u001b[K').at(-1))

    expect(lines.at(-1)).toBe('')
    expect(lines.some((line) => /…|\[#/.test(line ?? ''))).toBe(false)
  })
})

describe('credentials', () => {
  beforeEach(() => {
    server.behaviour.authorization = AUTHORIZATION
    server.requests.length = 0
  })

  test.each([
    ['a file', ['--password-file', 'password']],
    ['an environment variable', ['--password-env', 'DEPLOY_PASSWORD']],
    ['standard input', ['--credential-stdin']],
  ])('a password comes from %s', async (_, options) => {
    writeFileSync(join(cli.directory, 'password'), `${PASSWORD}\n`)
    const line = options.map((option) => (option === 'password' ? join(cli.directory, option) : option))

    const added = await cli.succeed(['source', 'add', 'acme', server.url, '--username', 'deploy', ...line, '--json'], {
      env: { DEPLOY_PASSWORD: PASSWORD },
      input: `${PASSWORD}\n`,
    })

    expect(added.json<SourceDocument>()).toMatchObject({ state: 'ready', hasCredential: true })
    expect(server.requests.some(({ authorization }) => authorization === AUTHORIZATION)).toBe(true)
    expect(added.stdout).not.toContain(PASSWORD)
  })

  test('a password is asked for on a terminal and not shown', async () => {
    const added = await cli.run(['source', 'add', 'acme', server.url, '--username', 'deploy'], {
      terminal: true,
      input: `${PASSWORD}\n`,
    })

    expect([added.code, added.stderr]).toEqual([0, expect.stringContaining('Password of deploy: ')])
    expect(added.stdout + added.stderr).not.toContain(PASSWORD)
  })

  test.each([
    ['no terminal to ask on', ['--username', 'deploy']],
    ['a file that is not there', ['--username', 'deploy', '--password-file', '/nonexistent']],
    ['a variable that is not set', ['--token-env', 'NOT_SET']],
    ['a password without user', ['--password-env', 'PATH']],
    ['a user with a token', ['--username', 'deploy', '--token-env', 'PATH']],
    ['two secrets', ['--token-env', 'PATH', '--credential-stdin']],
    ['an empty secret', ['--credential-stdin']],
  ])('%s is wrong use, and nothing is added', async (_, options) => {
    const refused = await cli.run(['source', 'add', 'acme', server.url, ...options])
    const list = await cli.succeed(['source', 'list', 'acme', '--json'])

    expect(refused.code).toBe(2)
    expect(list.json<unknown>()).toEqual([])
  })

  test('a key for an https URL is refused', async () => {
    writeFileSync(join(cli.directory, 'key'), '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n')

    expect((await cli.run(['source', 'add', 'acme', server.url, '--ssh-key-file', join(cli.directory, 'key')])).code).toBe(4)
  })

  test('no process that runs meanwhile has the secret in its arguments', async () => {
    const seen: string[] = []
    let isRunning = true
    const watching = until(() => {
      seen.push(...listArguments())
      return !isRunning
    }, 'the end of the command')
    const child = cli.spawn(['source', 'add', 'acme', server.url, '--username', 'deploy', '--credential-stdin', '--json'])
    void child.stdin.write(`${PASSWORD}\n`)
    await child.stdin.end()

    const { code, stdout, stderr } = await collect(child)
    isRunning = false
    await watching

    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ state: 'ready' })
    expect(seen.some((line) => line.includes('--credential-stdin'))).toBe(true)
    expect(seen.some((line) => /\bgit\b.*fetch/.test(line))).toBe(true)
    expect(seen.filter((line) => line.includes(PASSWORD) || line.includes(AUTHORIZATION.slice(6)))).toEqual([])
  })
})

/** The arguments of every process of the machine. */
function listArguments(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')]
      } catch {
        return []
      }
    })
}
