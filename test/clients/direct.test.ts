/** A registry as a first start has it: without REPERTOIRE_URL, and with nothing of HTTP between it and Composer. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createProject, type ProjectSetup } from './kit/composer.ts'
import { startConnectionCounter, type ConnectionCounter } from './kit/connection-counter.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
let counter: ConnectionCounter

beforeAll(async () => {
  registry = await startRegistry({ env: { REPERTOIRE_URL: '' } })
  counter = await startConnectionCounter(registry.port)
  token = await publishExample(registry)
}, 60_000)
afterAll(async () => {
  counter.stop()
  await registry.end()
}, 20_000)

/** The project knows the registry by the address of the counter only. */
function setupOf(host: string, rest: Pick<ProjectSetup, 'require' | 'manifest'>): ProjectSetup {
  const repositories = [{ type: 'composer', url: `http://${host}/acme` }, { 'packagist.org': false }]
  return { auth: { bearer: { [host]: token } }, ...rest, manifest: { ...rest.manifest, repositories } }
}

test('CO-002 CO-070 metadata and archives are at the address that the client used', async () => {
  const project = createProject(registry, setupOf(counter.origin, EXAMPLE_ROOT))

  await project.succeed(['update'])

  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(new Set(project.locked().map(({ dist }) => new URL(dist?.url ?? '').host))).toEqual(new Set([counter.origin]))
})

test('CO-002 two addresses of one registry do not mix', async () => {
  const other = `localhost:${counter.origin.split(':')[1]}`
  const project = createProject(registry, setupOf(other, EXAMPLE_ROOT))

  await project.succeed(['update'])

  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(new Set(project.locked().map(({ dist }) => new URL(dist?.url ?? '').host))).toEqual(new Set([other]))
})

test('CO-045 CO-060 with up to 50 requests allowed Composer keeps at most 8 connections in use and is never refused', async () => {
  const names = ['core', 'http', 'log', 'contracts', 'tools']
  const require = Object.fromEntries(names.map((name) => [`acme/${name}`, '*']))
  const manifest = { 'minimum-stability': 'dev', 'prefer-stable': true }
  const project = createProject(registry, setupOf(counter.origin, { require, manifest }))
  const before = counter.opened

  await project.succeed(['update'], { env: { COMPOSER_MAX_PARALLEL_HTTP: '50' } })

  // For 17 requests: the root, two files and an archive of each package, and the report.
  const opened = counter.opened - before
  expect(Object.keys(project.installed()).toSorted()).toEqual(Object.keys(EXAMPLE_INSTALLED))
  expect(opened).toBeGreaterThan(1)
  expect(opened).toBeLessThanOrEqual(8)
})

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
