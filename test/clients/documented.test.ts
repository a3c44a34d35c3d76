/** The documented form of a repository, `/org/{org}`, with a real Composer (contract pricore.md §5). */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createProject, type ProjectSetup } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { createReleases, packageCommit, type PackageRepository } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
let moving: PackageRepository

beforeAll(async () => {
  registry = await startRegistry()
  token = await publishExample(registry)
  moving = await createReleases('acme/moving', { '1.0.0': {} })
  await registry.publish('acme', moving)
  await registry.settle()
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function setUp(rest: Omit<ProjectSetup, 'token'> = EXAMPLE_ROOT): ProjectSetup {
  const repositories = [{ type: 'composer', url: `${registry.url}/org/acme` }, { 'packagist.org': false }]
  return { token, ...rest, manifest: { ...rest.manifest, repositories } }
}

const asked = () => registry.proxy.exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`)

test.each(['basic', 'bearer'])(
  'PR-205 CO-010 Composer installs from inline versions with %s credentials, and reports',
  async (kind) => {
    const bearer = kind === 'bearer' ? { auth: { bearer: { [registry.origin]: token } } } : {}
    const project = createProject(registry, { ...setUp(), ...bearer })

    await project.succeed(['update'])

    expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
    expect(asked()[0]).toBe('GET /org/acme/packages.json 200')
    expect(asked().filter((line) => line.includes('/p2/'))).toEqual([])
    expect(asked().at(-1)).toBe('POST /org/acme/notify-batch 204')
    expect(project.locked().every(({ dist }) => dist?.url.startsWith(`${registry.url}/org/acme/packages/`))).toBe(true)
  },
)

test('PR-205 a second run confirms the root, and an install from the lock file asks for archives alone', async () => {
  const project = createProject(registry, setUp())
  await project.succeed(['update'])
  registry.proxy.reset()

  await project.succeed(['update'])
  const second = asked()
  registry.proxy.reset()
  project.removeVendor()
  project.clearCache()
  await project.succeed(['install'])

  expect(second[0]).toBe('GET /org/acme/packages.json 304')
  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(
    asked()
      .filter((line) => line.startsWith('GET'))
      .every((line) => /\/org\/acme\/packages\/.*\.zip.* 200$/.test(line)),
  ).toBe(true)
})

test('PR-203 PR-205 an old lock file of a branch that moved still installs what it locked', async () => {
  const project = createProject(registry, setUp({ require: { 'acme/moving': 'dev-main' } }))
  await project.succeed(['update'])
  const before = project.read('vendor/acme/moving/CONTENT')
  const [next] = await moving.commit(packageCommit('acme/moving', 'acme/moving later'))
  await moving.setRefs({ 'refs/heads/main': next ?? '' })
  await registry.sync('acme', moving)
  await registry.settle()
  project.removeVendor()
  project.clearCache()

  await project.succeed(['install'])
  const locked = project.read('vendor/acme/moving/CONTENT')
  await project.succeed(['update'])

  expect(locked).toBe(before)
  expect(project.read('vendor/acme/moving/CONTENT')).toBe('acme/moving later')
})

test('PR-004 PR-205 without a token Composer is told what is missing', async () => {
  const project = createProject(registry, { ...setUp(), token: null })

  const refused = await project.composer(['update'])

  expect(refused.code).not.toBe(0)
  expect(refused.output).toContain('401')
})
