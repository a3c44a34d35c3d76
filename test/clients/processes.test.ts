/** One registry served by two processes that share a port: a client must not notice which of them answers. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { createReleases, packageCommit, type PackageRepository } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const RUNS = 4

let registry: Registry
let library: PackageRepository

beforeAll(async () => {
  registry = await startRegistry({ serve: ['--processes', '2'] })
  await registry.cli('org', 'create', 'acme')
  library = await createReleases('acme/library', { '1.0.0': {} })
  await registry.publish('acme', library)
  await registry.settle()
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function project(token: string): ComposerProject {
  return createProject(registry, { token, require: { 'acme/library': '^1.0' } })
}

test('CO-042 CO-041 both confirm what either has sent, and both see a new tag at once', async () => {
  const used = project(await registry.token('acme'))
  await used.succeed(['update'])
  registry.proxy.reset()
  for (let run = 0; run < RUNS; run += 1) {
    await used.succeed(['update'])
  }
  const warm = registry.proxy.exchanges.map(({ status }) => status)
  const [commit = ''] = await library.commit(packageCommit('acme/library', 'acme/library 1.1.0'))
  await library.setRefs({ 'refs/tags/1.1.0': commit })
  await registry.sync('acme', library)

  const installed = new Set<string | undefined>()
  for (let run = 0; run < RUNS; run += 1) {
    await used.succeed(['update'])
    installed.add(used.installed()['acme/library'])
  }

  // The root file, the package's, and what Composer asks about advisories after every update.
  expect(warm).toEqual(Array.from({ length: RUNS }, () => [304, 304, 200]).flat())
  expect(installed).toEqual(new Set(['1.1.0']))
}, 30_000)

test('CO-059 both refuse a revoked token at once', async () => {
  const token = await registry.token('acme', '--name', 'short-lived')
  await project(token).succeed(['update'])
  await registry.cli('token', 'revoke', 'acme', 'short-lived')
  registry.proxy.reset()

  for (let run = 0; run < RUNS; run += 1) {
    const refused = await project(token).composer(['update'])
    expect(refused.code).not.toBe(0)
  }

  expect(new Set(registry.proxy.exchanges.map(({ status }) => status))).toEqual(new Set([401]))
}, 30_000)

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
