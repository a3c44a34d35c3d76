import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
let repository: TestRepository

beforeAll(async () => {
  repository = await createTestRepository()
  const files = { 'composer.json': '{"name":"acme/widgets"}', 'README.md': '# Widgets\n\u001B[31mred\u001B[0m\n' }
  const [commit = ''] = await repository.commit({ files })
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/heads/1.0': commit, 'refs/tags/2.0.0': commit })
})
afterAll(() => repository.remove())

beforeEach(async () => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

test('source log lists the syncs with their numbers', async () => {
  await cli.succeed(['source', 'add', 'acme', repository.url])
  await cli.succeed(['source', 'sync', 'acme', repository.url])

  const text = await cli.succeed(['source', 'log', 'acme', repository.url])
  const all = await cli.succeed(['source', 'log', 'acme', repository.url, '--json'])
  const one = await cli.succeed(['source', 'log', 'acme', repository.url, '--limit', '1', '--json'])

  expect(text.stdout).toMatch(/^STARTED +STATE +ADDED +UPDATED +REMOVED +SKIPPED +FAILED +PROBLEM *$/m)
  expect(text.stdout).toMatch(/UTC +success +3 +0 +0 +0 +0/)
  expect(all.json()).toMatchObject([
    { state: 'success', added: 0, error: null, details: { tags: 1, branches: 2, refs: 3, unchanged: 3, read: 0 } },
    { state: 'success', added: 3, details: { read: 3 } },
  ])
  expect(one.json<unknown[]>()).toHaveLength(1)
})

test('source log says that nothing has happened yet', async () => {
  await cli.succeed(['source', 'add', 'acme', repository.url, '--no-wait'])

  const { stdout, stderr } = await cli.succeed(['source', 'log', 'acme', repository.url])

  expect(stdout).toContain('No sync has ended yet.')
  expect(stderr).toContain('A sync waits or runs.')
})

describe('--refs', () => {
  test('of source set and source add decides how branches are read', async () => {
    await cli.succeed(['source', 'add', 'acme', repository.url, '--refs', 'literal'])
    const literal = await cli.succeed(['package', 'show', 'acme', 'acme/widgets'])
    const shown = await cli.succeed(['source', 'show', 'acme', repository.url])

    const set = await cli.succeed(['source', 'set', 'acme', repository.url, '--refs', 'composer', '--interval', '1h', '--json'])
    await cli.succeed(['source', 'sync', 'acme', repository.url])
    const composer = await cli.succeed(['package', 'show', 'acme', 'acme/widgets'])

    expect(literal.stdout).toMatch(/^1\.0 /m)
    expect(shown.stdout).toMatch(/^Refs: +read by their names alone$/m)
    expect(set.json()).toMatchObject({ refs: 'composer', intervalSeconds: 3600 })
    expect(composer.stdout).toMatch(/^1\.0\.x-dev /m)
  })

  test('knows two kinds of rules', async () => {
    expect((await cli.run(['source', 'add', 'acme', repository.url, '--refs', 'other'])).code).toBe(2)
  })
})

test('package readme prints the README of a version, and nothing in it reaches the terminal', async () => {
  await cli.succeed(['source', 'add', 'acme', repository.url])

  const text = await cli.succeed(['package', 'readme', 'acme', 'acme/widgets'])
  const document = await cli.succeed(['package', 'readme', 'acme', 'acme/widgets', 'dev-main', '--json'])

  expect(text.stdout).toBe('# Widgets\n\\u{1b}[31mred\\u{1b}[0m\n\n')
  expect(document.json()).toEqual({ package: 'acme/widgets', version: 'dev-main', text: '# Widgets\n\u001B[31mred\u001B[0m\n' })
  expect((await cli.run(['package', 'readme', 'acme', 'acme/widgets', '9.9'])).code).toBe(3)
})

test('CO-149 package abandon and unabandon say what becomes of a package, until somebody says otherwise', async () => {
  await cli.succeed(['source', 'add', 'acme', repository.url])

  const abandoned = await cli.succeed(['package', 'abandon', 'acme', 'acme/widgets', 'acme/components'])
  await cli.succeed(['source', 'sync', 'acme', repository.url])
  const shown = await cli.succeed(['package', 'show', 'acme', 'acme/widgets'])
  const back = await cli.succeed(['package', 'unabandon', 'acme', 'acme/widgets', '--json'])

  expect(abandoned.stdout).toBe('acme/widgets is abandoned; acme/components replaces it.\n')
  expect(shown.stdout).toContain('(abandoned, use acme/components)')
  expect(back.json()).toEqual({ name: 'acme/widgets', abandoned: false })
  expect((await cli.run(['package', 'abandon', 'acme', 'acme/widgets', 'nonsense'])).code).not.toBe(0)
})

describe('hook register', () => {
  test('says why a host cannot be told, and adding a source goes on without it', async () => {
    const added = await cli.succeed(['source', 'add', 'acme', repository.url, '--register-hook', 'gitea'])
    const { code, stderr } = await cli.run(['hook', 'register', 'acme', repository.url, '--provider', 'gitlab'])

    expect(added.stderr).toContain('No hook is made at its host:')
    expect([code, stderr]).toEqual([4, expect.stringContaining('only GitHub, GitLab, Bitbucket and Gitea')])
    expect((await cli.run(['hook', 'unregister', 'acme', repository.url])).code).toBe(3)
    expect((await cli.succeed(['hook', 'show', 'acme', repository.url, '--json'])).json()).toMatchObject({ registration: null })
  })
})
