/** Composer installs public packages through the registry: with the upstream, without it, and through a registry that mirrors a registry. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startUpstream, type Upstream } from '../kit/upstream-server.ts'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { createPackageRepository, packageCommit, type PackageRepository } from './kit/packages.ts'
import { summarize } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const OPEN = { REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8' }
const REQUIRED = { 'acme/lib': '^1.0', 'vendor/app': '^1.0' }
const INSTALLED = { 'acme/lib': '1.0.0', 'vendor/app': '1.0.0', 'vendor/http': '1.2.0', 'vendor/log': '2.0.0' }

let registry: Registry
let upstream: Upstream
let lib: PackageRepository
let token: string

beforeAll(async () => {
  upstream = await startUpstream({
    packages: {
      'vendor/app': [{ version: '1.0.0', manifest: { require: { 'vendor/http': '^1.0' } } }],
      'vendor/http': ['1.0.0', '1.2.0'],
      'vendor/log': [{ version: '2.0.0', files: { 'src/log.php': '<?php // two' } }],
      'acme/lib': ['9.0.0'],
      'acme/stolen': ['1.0.0'],
    },
  })
  registry = await startRegistry({ env: OPEN })
  await registry.cli('org', 'create', 'acme')
  token = await registry.token('acme')
  lib = await createPackageRepository({
    'tags/1.0.0': packageCommit('acme/lib', 'one', { manifest: { require: { 'vendor/log': '*' } } }),
  })
  await registry.publish('acme', lib)
  await registry.cli('mirror', 'add', 'acme', upstream.url)
  await registry.settle()
}, 60_000)
afterAll(async () => {
  await registry.end()
  await upstream.stop()
}, 20_000)
beforeEach(async () => {
  registry.proxy.reset()
  upstream.latency = 0
  await upstream.rise()
})

function newProject(require: Readonly<Record<string, string>> = REQUIRED): ComposerProject {
  return createProject(registry, { token, require })
}

/** Installs what the lock file says as a fresh machine does. */
async function installAnew(project: ComposerProject): Promise<void> {
  project.removeVendor()
  project.clearCache()
  await project.succeed(['install'])
}

describe('a project of private and public packages', () => {
  test('CO-016 needs the registry alone: with the upstream, without it, and with a slow one', async () => {
    const project = newProject()
    await project.succeed(['update'])
    expect(project.installed()).toEqual(INSTALLED)
    expect(project.read('vendor/vendor/log/src/log.php')).toBe('<?php // two')
    expect(JSON.stringify(project.locked())).not.toContain(upstream.origin)

    await upstream.fall()
    await installAnew(project)
    const offline = newProject()
    await offline.succeed(['update'])
    expect(offline.installed()).toEqual(INSTALLED)
    expect(offline.locked()).toEqual(project.locked())

    await upstream.rise()
    upstream.latency = 4_000
    const asked = upstream.requests.length
    await newProject().succeed(['update'])
    expect(upstream.requests.slice(asked).filter(({ path }) => path.includes('vendor/'))).toEqual([])
  })

  test('abuse 33 abuse 34 gets the private package of a name, and no upstream ever hears of it', async () => {
    const project = newProject({ 'acme/lib': '*' })
    await project.succeed(['update'])
    const stolen = await newProject({ 'acme/stolen': '*' }).composer(['update'])

    expect(project.installed()['acme/lib']).toBe('1.0.0')
    expect(stolen.code).not.toBe(0)
    expect(stolen.output).toContain('acme/stolen')
    expect(upstream.count(/acme\//)).toBe(0)
  })

  test('abuse 27 abuse 28 installs from its lock file after the upstream changed bytes or removed the package', async () => {
    upstream.setVersions('vendor/fickle', ['1.0.0'])
    upstream.setVersions('vendor/gone', ['1.0.0'])
    const project = newProject({ 'vendor/fickle': '*', 'vendor/gone': '*' })
    await project.succeed(['update'])

    upstream.changeBytes('vendor/fickle', '1.0.0')
    upstream.removePackage('vendor/gone')
    await registry.cli('mirror', 'refresh', 'acme', new URL(upstream.url).host)
    await registry.settle()

    await installAnew(project)
    expect(project.read('vendor/vendor/fickle/VERSION')).toBe('1.0.0 \n')
    const later = newProject({ 'vendor/fickle': '*', 'vendor/gone': '*' })
    const update = await later.succeed(['update'])
    expect(later.locked().map(({ dist }) => dist)).toEqual(project.locked().map(({ dist }) => dist))
    expect(update.output).toContain('vendor/gone is abandoned')
  })

  test('abuse 29 is told to try again when a package is new and the upstream is off', async () => {
    upstream.setVersions('vendor/late', ['1.0.0'])
    await upstream.fall()
    const failed = await newProject({ 'vendor/late': '*' }).composer(['update'])

    expect(failed.code).not.toBe(0)
    expect(failed.output).not.toContain('could not be found')
    expect(failed.output).toMatch(/HTTP.* 50[23]|50[23] /)
  })
})

test('CO-016 PR-701 a registry that mirrors a registry serves its clients when the first one is off', async () => {
  const second = await startRegistry({ env: OPEN })
  try {
    const secret = join(second.directory, 'secret')
    writeFileSync(secret, token)
    await second.cli('org', 'create', 'copy')
    await second.cli('mirror', 'add', 'copy', `${registry.url}/acme`, '--username', 'token', '--password-file', secret)
    const own = await second.token('copy')
    const project = createProject(second, { organization: 'copy', token: own, require: REQUIRED })
    await project.succeed(['update'])
    expect(project.installed()).toEqual(INSTALLED)

    const [newest = ''] = await lib.commit(packageCommit('acme/lib', 'one point one'))
    await lib.setRefs({ 'refs/tags/1.1.0': newest })
    await registry.sync('acme', lib)
    await second.cli('mirror', 'refresh', 'copy', registry.origin)
    await second.settle()
    await project.succeed(['update'])
    expect(project.read('vendor/acme/lib/CONTENT')).toBe('one point one')
    expect(summarize(registry.proxy.exchanges)).toContainEqual(expect.stringMatching(/metadata\/changes\.json\?since=\d+ 200$/))

    await registry.stop()
    await installAnew(project)
    expect(project.read('vendor/acme/lib/CONTENT')).toBe('one point one')
    expect(project.read('vendor/vendor/http/VERSION')).toBe('1.2.0 \n')
  } finally {
    await second.end()
  }
}, 60_000)
