/** Composer's other commands, and how the repository is configured in a project (contract composer.md §8.3). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { createProject, repositoryOf, type ComposerProject } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { createPackageRepository, createReleases, packageCommit } from './kit/packages.ts'
import { summarize } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
/** The example's root project after an update. */
let example: ComposerProject

beforeAll(async () => {
  registry = await startRegistry()
  token = await publishExample(registry)
  const release = packageCommit('acme/skeleton', 'skeleton 1.0.0', {
    manifest: {
      type: 'project',
      keywords: ['starter'],
      abandoned: 'acme/core',
      require: { 'acme/log': '^1.0' },
      repositories: [repositoryOf(registry, 'acme'), { 'packagist.org': false }],
      config: { 'secure-http': false },
    },
  })
  await registry.publish('acme', await createPackageRepository({ 'tags/1.0.0': release, 'heads/main': release }))
  await registry.settle()
  example = createProject(registry, { token, ...EXAMPLE_ROOT })
  await example.succeed(['update'])
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function requests(): string[] {
  return summarize(registry.proxy.exchanges)
}

test('CO-152 require picks the newest stable version and installs it; remove takes it away', async () => {
  const project = createProject(registry, { token })

  await project.succeed(['require', 'acme/contracts'])
  const required = { manifest: project.read('composer.json'), installed: project.installed() }
  registry.proxy.reset()
  await project.succeed(['remove', 'acme/contracts'])

  expect(required.manifest).toContain('"acme/contracts": "^2.0"')
  expect(required.installed).toEqual({ 'acme/contracts': '2.0.0' })
  expect(project.installed()).toEqual({})
  expect(registry.proxy.exchanges.filter(({ status }) => status >= 400)).toEqual([])
})

test('CO-152 create-project starts a project from a package and installs what it requires', async () => {
  const project = createProject(registry, { token })
  const repository = JSON.stringify(repositoryOf(registry, 'acme'))

  await project.succeed(['config', '--global', 'secure-http', 'false'])
  await project.succeed([
    'create-project',
    'acme/skeleton',
    'made',
    '--repository',
    repository,
    '--repository',
    '{"packagist.org": false}',
  ])

  expect(project.read('made/CONTENT')).toBe('skeleton 1.0.0')
  expect(readdirSync(project.path('made/vendor/acme')).toSorted()).toEqual(['contracts', 'log'])
})

test('CO-152 archive downloads a version that is not installed', async () => {
  const project = createProject(registry, { token })

  await project.succeed(['archive', 'acme/contracts', '1.0.1', '--format=zip', '--dir=out', '--file=contracts'])

  expect(existsSync(project.path('out/contracts.zip'))).toBe(true)
  expect(requests().some((request) => request.startsWith('GET /acme/dists/acme/contracts/1.0.1/'))).toBe(true)
  expect(requests().some((request) => request.startsWith('POST'))).toBe(false)
})

describe('looking around', () => {
  test('CO-153 CO-131 search finds by name and description and marks what is abandoned', async () => {
    const byName = await example.succeed(['search', 'contracts'])
    const byDescription = await example.succeed(['search', 'package acme/log'])
    const abandoned = await example.succeed(['search', 'skeleton'])

    expect(byName.stdout).toContain('acme/contracts')
    expect(byName.stdout).not.toContain('acme/log')
    expect(byDescription.stdout).toContain('acme/log')
    expect(abandoned.stdout).toMatch(/acme\/skeleton.*Abandoned/)
    expect(requests()).toContain('GET /acme/search.json?q=contracts&type= 200')
  })

  test('CO-131 search by type', async () => {
    const run = await example.succeed(['search', '--type=project', 'acme'])

    expect(
      run.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['acme/skeleton'])
  })

  test('CO-153 CO-130 show -a lists what is available, and all versions of one package', async () => {
    const all = await example.succeed(['show', '-a'])
    const pattern = await example.succeed(['show', '-a', 'acme/c*'])
    const one = await example.succeed(['show', '-a', 'acme/contracts'])

    const names = ['acme/contracts', 'acme/core', 'acme/http', 'acme/log', 'acme/skeleton', 'acme/tools']
    expect(names.filter((name) => !all.stdout.includes(name))).toEqual([])
    expect(names.filter((name) => pattern.stdout.includes(name))).toEqual(['acme/contracts', 'acme/core'])
    expect(one.stdout).toContain('versions : 2.0.0, * 1.0.1, 1.0.0, dev-main')
    expect(registry.proxy.exchanges.filter(({ status }) => status >= 400)).toEqual([])
  })

  test('CO-153 outdated names the newer release', async () => {
    const run = await example.succeed(['outdated', '--format=json'])

    const { installed } = JSON.parse(run.stdout) as { installed: { name: string; version: string; latest: string }[] }
    expect(installed.map(({ name, version, latest }) => [name, version, latest])).toEqual([['acme/contracts', '1.0.1', '2.0.0']])
  })

  test('CO-153 why-not explains by the metadata of the registry', async () => {
    const run = await example.composer(['why-not', 'acme/contracts', '2.0'])

    expect(run.stdout).toContain('acme/log')
    expect(run.stdout).toContain('^1.0')
  })

  test('CO-153 fund and browse read what the metadata says', async () => {
    const fund = await example.succeed(['fund'])
    const browse = await example.succeed(['browse', '--show', 'acme/log'])

    expect(fund.output).toContain('No funding links')
    expect(browse.stdout).toContain('repertoire-repository-')
  })

  test('CO-033 an abandoned package is announced with its replacement', async () => {
    const project = createProject(registry, { token, require: { 'acme/skeleton': '^1.0' } })

    const run = await project.succeed(['update'])

    expect(run.output).toContain('Package acme/skeleton is abandoned')
    expect(run.output).toContain('Use acme/core instead')
  })
})

describe('the repository in composer.json', () => {
  const urls: [title: string, path: string][] = [
    ['CO-001 without a slash at the end', '/acme'],
    ['CO-001 with a slash at the end', '/acme/'],
    ['CO-019 with the name of the root file', '/acme/packages.json'],
  ]

  test.each(urls)('%s', async (_, path) => {
    const repositories = [{ type: 'composer', url: `${registry.url}${path}` }, { 'packagist.org': false }]
    const project = createProject(registry, { token, ...EXAMPLE_ROOT, manifest: { ...EXAMPLE_ROOT.manifest, repositories } })

    await project.succeed(['update'])

    expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
  })
})

describe('two repositories', () => {
  let url: { token: string; entry: Record<string, unknown> }

  beforeAll(async () => {
    await registry.cli('org', 'create', 'overrides')
    await registry.publish('overrides', await createReleases('acme/contracts', { '1.0.9': {} }))
    await registry.publish('overrides', await createReleases('other/only', { '1.0.0': { 'acme/log': '^1.0' } }))
    await registry.settle()
    const both = await registry.token('overrides')
    url = { token: both, entry: { type: 'composer', url: `http://token:${both}@${registry.origin}/overrides` } }
  }, 30_000)

  function projectOnBoth(first: Record<string, unknown>, second: Record<string, unknown>): ComposerProject {
    const repositories = [first, second, { 'packagist.org': false }]
    return createProject(registry, {
      token: null,
      require: { 'acme/log': '^1.0', 'acme/contracts': '^1.0' },
      manifest: { repositories, 'minimum-stability': 'stable' },
    })
  }

  function acme(more: Record<string, unknown> = {}): Record<string, unknown> {
    return { ...repositoryOf(registry, 'acme'), options: { http: { header: [`Authorization: Bearer ${token}`] } }, ...more }
  }

  function overrides(more: Record<string, unknown> = {}): Record<string, unknown> {
    const header = [`Authorization: Bearer ${url.token}`]
    return { ...repositoryOf(registry, 'overrides'), options: { http: { header } }, ...more }
  }

  test('CO-156 the first that has a package is the only one asked for it', async () => {
    const project = projectOnBoth(overrides(), acme())

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/contracts': '1.0.9', 'acme/log': '1.0.0' })
    expect(requests().filter((request) => request.includes('/acme/p2/acme/contracts'))).toEqual([])
    expect(requests().filter((request) => request.includes('/overrides/p2/acme/log'))).toEqual([])
  })

  test('CO-156 in the other order the other one wins', async () => {
    const project = projectOnBoth(acme(), overrides())

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/contracts': '1.0.1', 'acme/log': '1.0.0' })
    expect(requests().filter((request) => request.includes('/overrides/p2/'))).toEqual([])
  })

  test('CO-156 what is excluded from the first comes from the second', async () => {
    const project = projectOnBoth(overrides({ exclude: ['acme/contracts'] }), acme())

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/contracts': '1.0.1', 'acme/log': '1.0.0' })
  })

  test('CO-156 a repository that is not canonical lets the next one offer newer versions', async () => {
    const project = projectOnBoth(acme({ canonical: false }), overrides())

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/contracts': '1.0.9', 'acme/log': '1.0.0' })
  })
})

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
