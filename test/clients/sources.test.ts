/** Composer installs packages that are defined by hand, and packages that share one repository. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildZip, packageArchive } from '../kit/archives.ts'
import type { TestCommit } from '../kit/git-repository.ts'
import { startHttpHost, type HttpHost } from '../kit/http-source.ts'
import { createProject } from './kit/composer.ts'
import { createPackageRepository, packageCommit, type PackageRepository } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let host: HttpHost
let token: string

beforeAll(async () => {
  registry = await startRegistry({ env: { REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.1' } })
  host = startHttpHost()
  await registry.cli('org', 'create', 'acme')
  token = await registry.token('acme')
}, 60_000)
afterAll(async () => {
  await host.stop()
  await registry.end()
}, 20_000)
beforeEach(() => registry.proxy.reset())

function save(name: string, definition: unknown): string {
  const path = join(registry.directory, name)
  writeFileSync(path, JSON.stringify(definition))
  return path
}

test('CO-087 a custom package installs from our archive, whatever its host does later, and its host is never named', async () => {
  host.serve('/plugin-1.zip', buildZip([{ name: 'plugin/plugin.php', data: '<?php // one' }]))
  host.serve('/plugin-2.tgz', packageArchive({ name: 'other/name' }, { format: 'tar.gz', directory: 'p/', content: 'two' }))
  const versions = [
    { name: 'acme/plugin', version: '1.0.0', dist: { type: 'zip', url: `${host.url}/plugin-1.zip`, reference: 'one' } },
    { name: 'acme/plugin', version: '2.0.0', dist: { type: 'tar', url: `${host.url}/plugin-2.tgz` } },
    { name: 'acme/suite', version: '1.0.0', type: 'metapackage', require: { 'acme/plugin': '^1.0' } },
  ]
  const added = await registry.cli<{ url: string; state: string }>('source', 'add-custom', 'acme', save('plugin.json', versions))
  expect(added).toMatchObject({ url: 'custom://acme/plugin', state: 'ready' })

  const project = createProject(registry, { token, require: { 'acme/suite': '*' } })
  await project.succeed(['update'])
  expect(project.installed()).toEqual({ 'acme/plugin': '1.0.0', 'acme/suite': '1.0.0' })
  expect(project.read('vendor/acme/plugin/plugin.php')).toBe('<?php // one')
  const newest = createProject(registry, { token, require: { 'acme/plugin': '^2.0' } })
  await newest.succeed(['update'])
  expect(newest.read('vendor/acme/plugin/CONTENT')).toBe('two')
  expect(JSON.stringify([project.locked(), newest.locked()])).not.toContain(host.url)

  host.serve('/plugin-1.zip', () => new Response('gone', { status: 410 }))
  await registry.cli('source', 'set-custom', 'acme', 'custom://acme/plugin', save('plugin.json', versions.slice(1, 2)))
  project.removeVendor()
  project.clearCache()
  await project.succeed(['install'])
  expect(project.read('vendor/acme/plugin/plugin.php')).toBe('<?php // one')
  const late = createProject(registry, { token, require: { 'acme/plugin': '^1.0' } })
  expect((await late.composer(['update'])).code).not.toBe(0)
})

test('a custom package that names only a source is cloned from there', async () => {
  const repository = await createPackageRepository({ 'tags/1.0.0': packageCommit('acme/cloned', 'cloned') })
  try {
    const source = { type: 'git', url: repository.url, reference: repository.commits['tags/1.0.0'] }
    await registry.cli('source', 'add-custom', 'acme', save('cloned.json', { name: 'acme/cloned', version: '1.0.0', source }))

    const project = createProject(registry, { token, require: { 'acme/cloned': '1.0.0' }, canClone: true })
    await project.succeed(['update'])

    expect(project.read('vendor/acme/cloned/CONTENT')).toBe('cloned')
    expect(project.locked()[0]).not.toHaveProperty('dist')
  } finally {
    await repository.remove()
  }
})

/** Packages in `packages/<directory>`, each with a file that says what was installed. */
function monorepo(content: string, packages: Readonly<Record<string, Record<string, unknown>>>): TestCommit {
  const files: Record<string, string> = { 'composer.json': '{"name":"acme/all"}', 'packages/README': 'not in any archive' }
  for (const [directory, manifest] of Object.entries(packages)) {
    files[`packages/${directory}/composer.json`] = JSON.stringify({ name: `acme/${directory}`, ...manifest })
    files[`packages/${directory}/CONTENT`] = `${directory} ${content}`
  }
  return { files, message: content }
}

async function move(repository: PackageRepository, refs: Readonly<Record<string, TestCommit>>): Promise<void> {
  const ids = await repository.commit(...Object.values(refs))
  await repository.setRefs(Object.fromEntries(Object.keys(refs).map((ref, index) => [`refs/${ref}`, ids[index] ?? ''])))
}

test('CM-311 packages of one repository install together, follow self.version and its aliases, and stay installable from locks', async () => {
  const alias = { extra: { 'branch-alias': { 'dev-main': '2.x-dev' } } }
  const client = { require: { 'acme/core': 'self.version' } }
  const main = monorepo('main', {
    core: { ...alias, replace: { 'acme/old-core': 'self.version' } },
    client: { ...client, ...alias },
  })
  const repository = await createPackageRepository({
    'tags/v1.0.0': monorepo('1.0.0', { core: {}, client, extra: client }),
    'tags/v1.1.0': monorepo('1.1.0', { core: {}, client, extra: client }),
    'heads/main': main,
  })
  try {
    await registry.cli('source', 'add', 'acme', repository.url, '--manifests', 'packages/*/composer.json')

    const project = createProject(registry, { token, require: { 'acme/extra': '^1.0' } })
    await project.succeed(['update'])
    expect(project.installed()).toEqual({ 'acme/core': 'v1.1.0', 'acme/extra': 'v1.1.0' })
    expect(project.read('vendor/acme/extra/CONTENT')).toBe('extra 1.1.0')
    expect(project.read('vendor/acme/extra/README')).toBeNull()
    expect(project.locked().map((locked) => 'source' in locked)).toEqual([false, false])
    expect(new Set(project.locked().map((locked) => locked.dist?.reference)).size).toBe(1)

    const manifest = { 'minimum-stability': 'dev', 'prefer-stable': false }
    const latest = createProject(registry, {
      token,
      require: { 'acme/client': '2.x-dev', 'acme/old-core': '^2.0@dev' },
      manifest,
    })
    await latest.succeed(['update'])
    expect(latest.installed()).toEqual({ 'acme/client': 'dev-main', 'acme/core': 'dev-main' })
    expect(latest.read('vendor/acme/client/CONTENT')).toBe('client main')

    await move(repository, { 'tags/v1.2.0': monorepo('1.2.0', { core: {}, client }) })
    await repository.setRefs({ 'refs/tags/v1.1.0': null, 'refs/tags/v1.0.0': null })
    await registry.sync('acme', repository)
    project.removeVendor()
    project.clearCache()
    await project.succeed(['install'])
    expect(project.read('vendor/acme/extra/CONTENT')).toBe('extra 1.1.0')
    const update = await project.composer(['update'])
    expect(update.code).not.toBe(0)
    project.configure({ require: { 'acme/client': '^1.0' } })
    await project.succeed(['update'])
    expect(project.installed()).toEqual({ 'acme/client': 'v1.2.0', 'acme/core': 'v1.2.0' })
  } finally {
    await repository.remove()
  }
})
