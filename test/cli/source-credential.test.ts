import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { startGitServer, type GitServer } from '../kit/git-server.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
let repository: TestRepository
let server: GitServer

beforeAll(async () => {
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/widgets"}' } })
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
  server = await startGitServer(repository.directory)
})
afterAll(async () => {
  await server.stop()
  await repository.remove()
})

beforeEach(async () => {
  cli?.end()
  cli = createCliFixture({ REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.1' })
  server.behaviour.status = null
  server.behaviour.headers = {}
  server.behaviour.authorization = 'Bearer the-new-token'
  server.requests.length = 0
  await cli.succeed(['org', 'create', 'acme'])
})
afterAll(() => cli.end())

test('abuse 14: a refused credential is shown, replaced without being an argument, and the source works', async () => {
  const added = await cli.run(['source', 'add', 'acme', server.url, '--credential-stdin', '--credential-expires', '30d'], {
    input: 'the-old-token\n',
  })
  expect(added.code).toBe(1)
  expect(added.stderr).toContain('The repository refused the credential')
  expect((await cli.succeed(['source', 'show', 'acme', server.url])).stdout).toMatch(
    /Credential: +refused by the host, since .* UTC, ends 20/,
  )
  writeFileSync(join(cli.directory, 'token'), 'the-new-token\n')

  const line = ['source', 'set-credential', 'acme', server.url, '--token-file', join(cli.directory, 'token'), '--json']
  const changed = await cli.succeed([...line, '--credential-expires', '2099-01-31'])

  expect(changed.json()).toMatchObject({
    state: 'ready',
    versions: 2,
    credential: { kind: 'bearer', origin: server.origin, state: 'works', expiresAt: '2099-01-31T00:00:00.000Z' },
    pausedUntil: null,
  })
  expect(changed.stdout + changed.stderr).not.toContain('the-new-token')
  const removed = await cli.run(['source', 'set-credential', 'acme', server.url, '--none'])
  expect(removed.stderr).toContain('has no credential now.')
  expect((await cli.succeed(['source', 'show', 'acme', server.url, '--json'])).json()).toMatchObject({ credential: null })
})

test('a new credential must come from somewhere, and not end before it begins', async () => {
  server.behaviour.authorization = null
  await cli.succeed(['source', 'add', 'acme', server.url])
  const line = ['source', 'set-credential', 'acme', server.url]

  const nothing = await cli.run(line)
  const both = await cli.run([...line, '--none', '--credential-stdin'], { input: 'x' })
  const past = await cli.run([...line, '--credential-stdin', '--credential-expires', '2001-01-01'], { input: 'x' })

  expect([nothing.code, both.code, past.code]).toEqual([2, 2, 2])
  expect(nothing.stderr).toContain('or give --none')
  expect(past.stderr).toContain('lies in the past')
})

test('abuse 15: somebody who asks for a sync is told until when the host is left alone', async () => {
  server.behaviour.authorization = null
  await cli.succeed(['source', 'add', 'acme', server.url])
  server.behaviour.status = 429
  server.behaviour.headers = { 'retry-after': '3600' }
  await cli.run(['source', 'sync', 'acme', server.url])
  server.requests.length = 0

  const synced = await cli.run(['source', 'sync', 'acme', server.url])
  const shown = await cli.succeed(['source', 'show', 'acme', server.url])

  expect(synced.code).toBe(1)
  expect(synced.stderr).toMatch(/The host limits requests and is not asked before 20\S+Z\.\nA running server reads it then\./)
  expect(shown.stdout).toMatch(/State: +ready/)
  expect(shown.stdout).toMatch(/Not asked before: +20.* UTC/)
  expect(server.requests).toEqual([])
})
