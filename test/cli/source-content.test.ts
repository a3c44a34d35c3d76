import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageArchive } from '../kit/archives.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { temporaryHost, type HttpHost } from '../kit/http-source.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
let host: HttpHost

beforeEach(async () => {
  host = temporaryHost()
  cli = createCliFixture({ REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.1' })
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

function definition(rest: Record<string, unknown> = {}): string {
  return JSON.stringify({ name: 'acme/plugin', version: '1.0.0', dist: { type: 'zip', url: `${host.url}/a.zip` }, ...rest })
}

describe('a custom source', () => {
  test('is added from standard input, shown, replaced from a file and fetched before the command ends', async () => {
    host.serve('/a.zip', packageArchive({}))
    const file = join(cli.directory, 'plugin.json')
    writeFileSync(file, definition({ version: '1.1.0', description: 7 }))

    const added = await cli.succeed(['source', 'add-custom', 'acme', '-'], { input: definition() })
    const shown = await cli.succeed(['source', 'show-custom', 'acme', 'custom://acme/plugin'])
    const refused = await cli.run(['source', 'set-custom', 'acme', 'custom://acme/plugin', file])
    writeFileSync(file, definition({ version: '1.1.0' }))
    const replaced = await cli.succeed(['source', 'set-custom', 'acme', 'custom://acme/plugin', file, '--json'])
    const listed = await cli.succeed(['package', 'show', 'acme', 'acme/plugin', '--json'])

    expect(added.stderr).toContain('Added custom://acme/plugin to acme')
    expect(added.stderr).toContain('1 version published, 0 updated, 0 removed.')
    expect(added.stdout).toContain('1 package with 1 version')
    expect(shown.stdout).toBe(`${definition()}\n`)
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('packages[0].description: ')])
    expect(replaced.json<unknown>()).toMatchObject({ kind: 'custom', state: 'ready', packages: 1, versions: 1, manifests: null })
    expect(listed.json<{ versions: unknown[] }>().versions).toMatchObject([
      { version: '1.1.0', archiveSha1: expect.stringMatching(/^[0-9a-f]{40}$/) },
    ])
  })

  test('that cannot be fetched says so and keeps its packages', async () => {
    const failed = await cli.run(['source', 'add-custom', 'acme', '-'], { input: definition() })
    const shown = await cli.succeed(['source', 'show', 'acme', 'custom://acme/plugin', '--json'])

    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('answered 404')
    expect(shown.json<unknown>()).toMatchObject({ state: 'failing', versions: 1, problem: { code: 'source_unreachable' } })
  })

  test('presents its credential, which is in no output', async () => {
    host.serve('/a.zip', packageArchive({}))
    const secret = 'token-of-the-download-host'
    const options = ['--token-env', 'DOWNLOADS']
    const added = await cli.succeed(['source', 'add-custom', 'acme', '-', ...options], {
      input: definition(),
      env: { DOWNLOADS: secret },
    })

    expect(host.seen).toEqual([{ path: '/a.zip', authorization: `Bearer ${secret}` }])
    expect(`${added.stdout}${added.stderr}`).not.toContain(secret)
  })

  test.each([
    [['add-custom', 'acme', 'missing.json'], 2],
    [['add-custom', 'acme', '-', '--credential-stdin'], 2],
    [['set-custom', 'acme', 'custom://acme/none', '-'], 3],
    [['set-manifests', 'acme', 'custom://acme/none', 'composer.json'], 3],
  ])('%j ends with %d', async (line, code) => {
    expect((await cli.run(['source', ...line], { input: definition() })).code).toBe(code)
  })
})

describe('a repository with several packages', () => {
  let repository: TestRepository

  beforeAll(async () => {
    repository = await createTestRepository()
    const [commit = ''] = await repository.commit({
      files: {
        'composer.json': '{"name":"acme/all"}',
        'packages/a/composer.json': '{"name":"acme/a"}',
        'packages/b/composer.json': '{"name":"not a name"}',
      },
    })
    await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })
  })
  afterAll(() => repository.remove())

  test('is added with patterns, names what it left out, and can be changed to one package', async () => {
    const added = await cli.succeed(['source', 'add', 'acme', repository.url, '--manifests', 'packages/*/composer.json'])
    const shown = await cli.succeed(['source', 'show', 'acme', repository.url])
    const changed = await cli.succeed(['source', 'set-manifests', 'acme', repository.url, '--json'])
    const packages = await cli.succeed(['package', 'list', 'acme', '--json'])
    const refused = await cli.run(['source', 'set-manifests', 'acme', repository.url, 'packages/*'])

    expect(added.stderr).toContain('Not every package was imported of tag 1.0.0: packages/b/composer.json: "not a name"')
    expect(shown.stdout).toMatch(/Manifests: +packages\/\*\/composer\.json/)
    expect(changed.json<unknown>()).toMatchObject({ state: 'ready', manifests: null })
    expect(packages.json<unknown>()).toMatchObject([
      { name: 'acme/a', versions: 0 },
      { name: 'acme/all', versions: 2 },
    ])
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('manifests[0]: it must end in composer.json')])
  })
})
