/** Version 1 of the protocol with a real Composer: a proxy asks for the root file as Composer 1 and takes out what version 2 would read. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { createReleases, packageCommit, type PackageRepository } from './kit/packages.ts'
import { summarize, type Interception } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const MODERN_KEYS = ['metadata-url', 'available-packages', 'available-package-patterns', 'providers-api', 'list']

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

/** The root file as a client of that kind gets it, without what version 2 reads. */
async function readRoot(agent: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${registry.port}/acme/packages.json`, {
    headers: { Authorization: `Bearer ${token}`, 'User-Agent': agent },
  })
  const root = (await response.json()) as Record<string, unknown>
  return JSON.stringify(Object.fromEntries(Object.entries(root).filter(([key]) => !MODERN_KEYS.includes(key))))
}

/** Answers requests for the root with a text, and others by `more`. */
function withRoot(root: () => Promise<string>, more: Interception = async () => null): Interception {
  return async (request, path) =>
    path === '/acme/packages.json'
      ? new Response(await root(), { headers: { 'Content-Type': 'application/json' } })
      : more(request, path)
}

const asComposer1 = () => readRoot('Composer/1.10.27 (Linux; 6.1.0; PHP 7.4.33)')

function metadataRequests(): string[] {
  return summarize(registry.proxy.exchanges).filter((line) => /\/(?:p|p2|packages\.json)\b/.test(line))
}

function project(require: Record<string, string>): ComposerProject {
  return createProject(registry, { token, require })
}

test('CO-090 CO-091 CO-097 Composer installs by lists and checksums; a warm run asks for the root alone', async () => {
  const used = createProject(registry, { token, ...EXAMPLE_ROOT })
  registry.proxy.intercept(withRoot(asComposer1))

  await used.succeed(['update'])
  const cold = metadataRequests()
  registry.proxy.exchanges.length = 0
  await used.succeed(['update'])

  expect(used.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(cold[0]).toBe('GET /acme/packages.json 200')
  expect(cold[1]).toMatch(/^GET \/acme\/p\/provider-all%24[0-9a-f]{64}\.json 200$/)
  expect(cold.slice(2).length).toBeGreaterThanOrEqual(5)
  expect(cold.slice(2).every((line) => /^GET \/acme\/p\/[a-z]+\/[a-z]+%24[0-9a-f]{64}\.json 200$/.test(line))).toBe(true)
  expect(metadataRequests()).toEqual(['GET /acme/packages.json 200'])
})

test('CO-090 Composer refuses a file whose bytes are not those that were listed', async () => {
  registry.proxy.intercept(
    withRoot(asComposer1, async (_, path) =>
      path.includes('/p/acme/moving%24') ? new Response('{"packages":{"acme/moving":{}}}') : null,
    ),
  )

  const refused = await project({ 'acme/moving': '*' }).composer(['update'])

  expect(refused.code).not.toBe(0)
  expect(refused.output).toMatch(/did not match its signature|man-in-the-middle/)
})

test('CO-092 a change between the root file and the files that it leads to does not break a run', async () => {
  const before = await asComposer1()
  const [next] = await moving.commit(packageCommit('acme/moving', 'acme/moving 1.1.0'))
  await moving.setRefs({ 'refs/tags/1.1.0': next ?? '' })
  await registry.sync('acme', moving)
  await registry.settle()
  const late = project({ 'acme/moving': '*' })
  registry.proxy.intercept(withRoot(async () => before))
  await late.succeed(['update'])
  const present = project({ 'acme/moving': '*' })
  registry.proxy.intercept(withRoot(asComposer1))
  await present.succeed(['update'])

  expect(late.installed()).toEqual({ 'acme/moving': '1.0.0' })
  expect(present.installed()).toEqual({ 'acme/moving': '1.1.0' })
})

test('CO-096 without checksums Composer asks for each name and revalidates', async () => {
  const used = createProject(registry, { token, ...EXAMPLE_ROOT })
  registry.proxy.intercept(withRoot(() => readRoot('curl/8')))

  await used.succeed(['update'])
  registry.proxy.exchanges.length = 0
  await used.succeed(['update'])

  expect(used.installed()).toEqual(EXAMPLE_INSTALLED)
  const files = metadataRequests().slice(1)
  expect(files.filter((line) => line.endsWith(' 304')).length).toBeGreaterThanOrEqual(5)
  expect(files.filter((line) => line.endsWith(' 200'))).toEqual([])
})

test('CO-096 CO-074 a branch of version 1 installs from an archive of its commit', async () => {
  const used = project({ 'acme/moving': 'dev-main' })
  registry.proxy.intercept(withRoot(asComposer1))

  await used.succeed(['update'])

  expect(used.read('vendor/acme/moving/CONTENT')).toBe('acme/moving main')
  expect(used.locked()[0]?.dist?.url).toMatch(/\/dists\/acme\/moving\/dev-main\/[0-9a-f]{40}\.zip$/)
})
