/** Which version, commit and files Composer installs for what a project requires. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, lstatSync, readlinkSync, statSync } from 'node:fs'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { createPackageRepository, packageCommit, type PackageRepository } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
let library: PackageRepository
let olderMain: string

const UNRELEASED = 'acme/odd.name_with--marks'
const ALIAS = { extra: { 'branch-alias': { 'dev-main': '3.x-dev' } } }

beforeAll(async () => {
  registry = await startRegistry()
  await registry.cli('org', 'create', 'acme')
  library = await createLibrary()
  await registry.publish('acme', library)
  await registry.publish('acme', await createTool())
  await registry.publish('acme', await createMetapackage())
  await registry.publish('acme', await createPackageRepository({ 'heads/main': packageCommit(UNRELEASED, 'unreleased') }))
  await registry.settle()
  token = await registry.token('acme')
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

async function createLibrary(): Promise<PackageRepository> {
  const name = 'acme/library'
  const repository = await createPackageRepository({
    'tags/1.0.0': packageCommit(name, 'release 1.0.0'),
    'tags/v1.1.0': packageCommit(name, 'release 1.1.0'),
    'tags/2.0.0-beta1': packageCommit(name, 'release 2.0.0-beta1'),
    'heads/main': packageCommit(name, 'main, older', { manifest: ALIAS }),
    'heads/1.x': packageCommit(name, 'branch 1.x'),
    'heads/feature/slash': packageCommit(name, 'branch feature/slash'),
    'heads/fix#12': packageCommit(name, 'branch fix#12'),
  })
  olderMain = repository.commits['heads/main'] ?? ''
  const [newer = ''] = await repository.commit({ ...packageCommit(name, 'main', { manifest: ALIAS }), parent: olderMain })
  await repository.setRefs({ 'refs/heads/main': newer })
  return repository
}

function createTool(): Promise<PackageRepository> {
  const files = {
    'bin/tool': { mode: '100755', data: '#!/bin/sh\necho tool\n' },
    'scripts/build': { mode: '100755', data: '#!/bin/sh\n' },
    'docs/README': { mode: '120000', data: '../CONTENT' },
    'src/plain.php': '<?php\n',
    'tests/ToolTest.php': '<?php\n',
    'examples/one.php': '<?php\n',
    '.gitattributes': '/tests export-ignore\n/.gitattributes export-ignore\n',
  }
  const manifest = { bin: ['bin/tool'], archive: { exclude: ['/examples'] } }
  return createPackageRepository({
    'tags/1.0.0': packageCommit('acme/tool', 'release 1.0.0', { manifest, files }),
    'heads/main': packageCommit('acme/tool', 'main', { manifest, files }),
  })
}

function createMetapackage(): Promise<PackageRepository> {
  const manifest = { type: 'metapackage', require: { 'acme/tool': '^1.0', 'acme/library': '1.0.0' } }
  return createPackageRepository({
    'tags/1.0.0': packageCommit('acme/everything', 'release 1.0.0', { manifest }),
    'heads/main': packageCommit('acme/everything', 'main', { manifest }),
  })
}

interface Installed {
  version: string | undefined
  content: string | null
}

async function install(constraint: string, manifest: Record<string, unknown> = {}): Promise<Installed> {
  const project = createProject(registry, { token, require: { 'acme/library': constraint }, manifest })
  await project.succeed(['update'])
  return describeLibrary(project)
}

function describeLibrary(project: ComposerProject): Installed {
  return { version: project.installed()['acme/library'], content: project.read('vendor/acme/library/CONTENT') }
}

describe('a project requires', () => {
  const cases: [title: string, constraint: string, version: string, content: string][] = [
    ['CO-028 a caret range: the newest stable release', '^1.0', 'v1.1.0', 'release 1.1.0'],
    ['an exact version', '1.0.0', '1.0.0', 'release 1.0.0'],
    ['a beta by its stability flag', '^2.0@beta', '2.0.0-beta1', 'release 2.0.0-beta1'],
    ['CO-020 CO-073 a branch: its newest commit', 'dev-main', 'dev-main', 'main'],
    ['CO-031 a branch by its alias', '3.x-dev', 'dev-main', 'main'],
    ['a numeric branch', '1.x-dev', '1.x-dev', 'branch 1.x'],
    ['CO-046 a branch with a slash', 'dev-feature/slash', 'dev-feature/slash', 'branch feature/slash'],
    ['CO-118 a branch with a number sign, written as a plus', 'dev-fix+12', 'dev-fix+12', 'branch fix#12'],
  ]

  test.each(cases)('%s', async (_, constraint, version, content) => {
    expect(await install(constraint)).toEqual({ version, content })
  })

  test('CO-031 a range that only the branch alias satisfies, with development versions allowed', async () => {
    const installed = await install('^3.0', { 'minimum-stability': 'dev', 'prefer-stable': true })

    expect(installed).toEqual({ version: 'dev-main', content: 'main' })
  })

  test('CO-074 an older commit of a branch: that commit', async () => {
    expect(await install(`dev-main#${olderMain}`)).toEqual({ version: 'dev-main', content: 'main, older' })
  })

  test('CO-074 an older commit by its abbreviated id', async () => {
    expect(await install(`dev-main#${olderMain.slice(0, 10)}`)).toEqual({ version: 'dev-main', content: 'main, older' })
  })

  test('CO-074 a commit that does not exist: a clear failure, not another commit', async () => {
    const project = createProject(registry, { token, require: { 'acme/library': `dev-main#${'ab'.repeat(20)}` } })

    const run = await project.composer(['update', '--prefer-dist'])

    expect(run.code).not.toBe(0)
    expect(run.output).toContain('HTTP/1.1 404')
    expect(describeLibrary(project).content).toBeNull()
  })

  test('CO-023 CO-046 a package without a release, with every mark that a name may have: its branch', async () => {
    const project = createProject(registry, { token, require: { [UNRELEASED]: 'dev-main' } })

    await project.succeed(['update'])
    const stable = await createProject(registry, { token, require: { [UNRELEASED]: '^1.0' } }).composer(['update'])

    const asked = registry.proxy.exchanges.filter(({ path }) => path === `/acme/p2/${UNRELEASED}.json`)
    expect(project.read(`vendor/${UNRELEASED}/CONTENT`)).toBe('unreleased')
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200]))
    expect(stable.code).toBe(2)
  })

  test('CO-086 a metapackage: what it requires, and no archive of its own', async () => {
    const project = createProject(registry, { token, require: { 'acme/everything': '^1.0' } })

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/everything': '1.0.0', 'acme/library': '1.0.0', 'acme/tool': '1.0.0' })
    expect(existsSync(project.path('vendor/acme/everything'))).toBe(false)
    expect(registry.proxy.exchanges.filter(({ path }) => path.includes('/dists/acme/everything'))).toEqual([])
  })
})

test('CO-038 with --prefer-source Composer clones the repository itself', async () => {
  const project = createProject(registry, { token, require: { 'acme/library': '^1.0' }, canClone: true })

  await project.succeed(['update', '--prefer-source'])

  expect(describeLibrary(project)).toEqual({ version: 'v1.1.0', content: 'release 1.1.0' })
  expect(existsSync(project.path('vendor/acme/library/.git'))).toBe(true)
  expect(registry.proxy.exchanges.filter(({ path }) => path.includes('/dists/'))).toEqual([])
})

test('CO-076 CO-077 an archive keeps executable files and symlinks and leaves out what the package excludes', async () => {
  const project = createProject(registry, { token, require: { 'acme/tool': '^1.0' } })

  await project.succeed(['update'])

  const path = (name: string) => project.path(`vendor/acme/tool/${name}`)
  expect(statSync(path('bin/tool')).mode & 0o111).toBe(0o111)
  expect(statSync(path('scripts/build')).mode & 0o111).toBe(0o111)
  expect(statSync(path('src/plain.php')).mode & 0o111).toBe(0)
  expect(lstatSync(path('docs/README')).isSymbolicLink()).toBe(true)
  expect(readlinkSync(path('docs/README'))).toBe('../CONTENT')
  expect(['tests', 'examples', '.gitattributes'].filter((name) => existsSync(path(name)))).toEqual([])
  expect(existsSync(project.path('vendor/bin/tool'))).toBe(true)
})

describe('the source changes', () => {
  test('CO-040 CO-041 a new tag: the next update of a warm client installs it', async () => {
    const project = createProject(registry, { token, require: { 'acme/library': '^1.0' } })
    await project.succeed(['update'])
    const before = describeLibrary(project)
    const [commit = ''] = await library.commit(packageCommit('acme/library', 'release 1.2.0'))
    await library.setRefs({ 'refs/tags/1.2.0': commit })
    await registry.sync('acme', library)

    await project.succeed(['update'])

    expect(before.version).toBe('v1.1.0')
    expect(describeLibrary(project)).toEqual({ version: '1.2.0', content: 'release 1.2.0' })
  })

  test('CO-071 CO-124 a deleted tag: lock files go on working, updates do not see it any more', async () => {
    const project = createProject(registry, { token, require: { 'acme/library': '^1.0' } })
    await project.succeed(['update'])
    const locked = describeLibrary(project)
    await library.setRefs({ 'refs/tags/1.2.0': null })
    await registry.sync('acme', library)
    project.removeVendor()
    project.clearCache()

    await project.succeed(['install'])
    const reinstalled = describeLibrary(project)
    await project.succeed(['update'])

    expect(locked.version).toBe('1.2.0')
    expect(reinstalled).toEqual(locked)
    expect(describeLibrary(project)).toEqual({ version: 'v1.1.0', content: 'release 1.1.0' })
  })

  test('CO-071 CO-040 a moved tag: lock files install what they named, updates install the new commit', async () => {
    const project = createProject(registry, { token, require: { 'acme/library': '1.0.0' } })
    await project.succeed(['update'])
    const [commit = ''] = await library.commit(packageCommit('acme/library', 'release 1.0.0, moved'))
    await library.setRefs({ 'refs/tags/1.0.0': commit })
    await registry.sync('acme', library)
    project.removeVendor()
    project.clearCache()

    await project.succeed(['install'])
    const reinstalled = describeLibrary(project)
    await project.succeed(['update'])

    expect(reinstalled).toEqual({ version: '1.0.0', content: 'release 1.0.0' })
    expect(describeLibrary(project)).toEqual({ version: '1.0.0', content: 'release 1.0.0, moved' })
  })

  test('CO-040 a branch that moves: the next update installs its new commit', async () => {
    const project = createProject(registry, { token, require: { 'acme/library': '1.x-dev' } })
    await project.succeed(['update'])
    const before = describeLibrary(project)
    const [commit = ''] = await library.commit({
      ...packageCommit('acme/library', 'branch 1.x, next'),
      parent: library.commits['heads/1.x'] ?? '',
    })
    await library.setRefs({ 'refs/heads/1.x': commit })
    await registry.sync('acme', library)

    await project.succeed(['update'])

    expect(before.content).toBe('branch 1.x')
    expect(describeLibrary(project)).toEqual({ version: '1.x-dev', content: 'branch 1.x, next' })
  })
})

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
