/** The requests that Composer makes, and what it makes of the answers (contract composer.md §8.1, §8.2, §2.8). */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { summarize, type Exchange } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const METADATA = [
  'GET /acme/packages.json',
  'GET /acme/p2/acme/core.json',
  'GET /acme/p2/acme/tools.json',
  'GET /acme/p2/acme/tools~dev.json',
  'GET /acme/p2/acme/http.json',
  'GET /acme/p2/acme/log.json',
  'GET /acme/p2/acme/contracts.json',
]
const DEPTH: Readonly<Record<string, number>> = {
  'packages.json': 0,
  core: 1,
  tools: 1,
  'tools~dev': 1,
  http: 2,
  log: 2,
  contracts: 3,
}

let registry: Registry
let token: string

beforeAll(async () => {
  registry = await startRegistry()
  token = await publishExample(registry)
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function exampleProject(): ComposerProject {
  return createProject(registry, { token, ...EXAMPLE_ROOT })
}

function withStatus(requests: readonly string[], status: number): string[] {
  return requests.map((request) => `${request} ${status}`).sort()
}

function isDist({ path }: Exchange): boolean {
  return path.startsWith('/acme/dists/')
}

function isNotification({ path }: Exchange): boolean {
  return path === '/acme/notify-batch'
}

/** The audit after each update by Composer from 2.4 on (contract composer.md §8.2). */
const AUDIT = 'POST /acme/api/security-advisories/ 200'

function distRequests(project: ComposerProject): string[] {
  return project
    .locked()
    .map(({ dist }) => `GET ${new URL(dist?.url.replace('%reference%', dist.reference) ?? '').pathname} 200`)
    .sort()
}

function waves(exchanges: readonly Exchange[]): number[] {
  return exchanges.map(({ path }) => DEPTH[/([^/]+?)(?:\.json)?$/.exec(path)?.[1] ?? ''] ?? 0)
}

test('CO-150 CO-070 CO-020 a cold update asks for the root, each file once, each archive once, reports the installs, and audits', async () => {
  const project = exampleProject()

  await project.succeed(['update'])

  const { exchanges } = registry.proxy
  const metadata = exchanges.slice(0, METADATA.length)
  const dists = exchanges.filter(isDist)
  const notifications = exchanges.filter(isNotification)
  expect(summarize(metadata).sort()).toEqual(withStatus(METADATA, 200))
  expect(waves(metadata)).toEqual(waves(metadata).toSorted())
  expect(metadata.every(({ requestHeaders }) => !requestHeaders.has('if-modified-since'))).toBe(true)
  expect(summarize(dists).sort()).toEqual(distRequests(project))
  expect(dists).toHaveLength(5)
  expect(exchanges.every(({ requestHeaders }) => requestHeaders.get('authorization')?.startsWith('Basic ') === true)).toBe(true)
  expect(notifications).toHaveLength(1)
  expect(exchanges.at(-2)).toBe(notifications[0])
  expect(notifications[0]?.status).toBe(201)
  expect(summarize(exchanges.slice(-1))).toEqual([AUDIT])
  expect(exchanges).toHaveLength(METADATA.length + 5 + 1 + 1)
  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
})

test('CO-043 CO-084 metadata travels compressed, archives as they are', async () => {
  const project = exampleProject()

  await project.succeed(['update'])

  const [root, file] = registry.proxy.exchanges
  const dists = registry.proxy.exchanges.filter(isDist)
  expect(root?.responseHeaders.get('content-encoding')).toMatch(/^(?:gzip|br|zstd)$/)
  expect(file?.responseHeaders.get('content-encoding')).toMatch(/^(?:gzip|br|zstd)$/)
  expect(dists.map(({ responseHeaders }) => responseHeaders.get('content-encoding'))).toEqual([null, null, null, null, null])
})

test('CO-150 CO-042 CO-004 a warm update revalidates every file with 304, downloads nothing, and audits', async () => {
  const project = exampleProject()
  await project.succeed(['update'])
  const modified = new Map(
    registry.proxy.exchanges.map(({ path, responseHeaders }) => [path, responseHeaders.get('last-modified')]),
  )
  registry.proxy.reset()

  await project.succeed(['update'])

  const audit = registry.proxy.exchanges.at(-1)
  const exchanges = registry.proxy.exchanges.slice(0, -1)
  expect(summarize(exchanges).sort()).toEqual(withStatus(METADATA, 304))
  expect(summarize(audit === undefined ? [] : [audit])).toEqual([AUDIT])
  for (const { path, requestHeaders } of exchanges) {
    expect(requestHeaders.get('if-modified-since')).toBe(modified.get(path) ?? 'a date')
  }
})

test('CO-151 an install from a lock file asks only for archives, and with a warm archive cache for none', async () => {
  const project = exampleProject()
  await project.succeed(['update'])
  project.removeVendor()
  project.clearCache()
  registry.proxy.reset()

  await project.succeed(['install'])
  const cold = [...registry.proxy.exchanges]
  const installed = project.installed()
  project.removeVendor()
  registry.proxy.reset()
  await project.succeed(['install'])
  const warm = summarize(registry.proxy.exchanges)

  expect(summarize(cold.filter(isDist)).sort()).toEqual(distRequests(project))
  expect(summarize(cold.filter((exchange) => !isDist(exchange)))).toEqual(['POST /acme/notify-batch 201'])
  expect(installed).toEqual(EXAMPLE_INSTALLED)
  expect(warm).toEqual(['POST /acme/notify-batch 201'])
  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
})

test('CO-072 CO-073 the lock file has checksums of stable archives only, and a place for the reference of development ones', async () => {
  const project = exampleProject()

  await project.succeed(['update', '--no-install'])

  const locked = new Map(project.locked().map(({ name, dist }) => [name, dist]))
  for (const name of ['acme/core', 'acme/http', 'acme/log', 'acme/contracts']) {
    expect(locked.get(name)?.shasum).toMatch(/^[0-9a-f]{40}$/)
  }
  expect(locked.get('acme/tools')?.shasum ?? '').toBe('')
  expect(locked.get('acme/tools')?.url).toContain('%reference%')
})

test('CO-139 CO-088 every reported install and every download is counted once', async () => {
  const project = exampleProject()
  const before = await readCounts()

  await project.succeed(['update'])
  const cold = await readCounts()
  project.removeVendor()
  await project.succeed(['install'])
  const warm = await readCounts()

  const versions = ['acme/contracts 1.0.1.0', 'acme/core 1.2.0.0', 'acme/http 1.1.0.0', 'acme/log 1.0.0.0', 'acme/tools dev-main']
  const once = (kind: string) => versions.map((version) => [`${kind} ${version}`, 1])
  expect(difference(before, cold)).toEqual(Object.fromEntries([...once('download'), ...once('install')]))
  expect(difference(cold, warm)).toEqual(Object.fromEntries(once('install')))
}, 30_000)

type Counts = Readonly<Record<string, number>>

function difference(before: Counts, after: Counts): Counts {
  const added = Object.entries(after).map(([key, count]) => [key, count - (before[key] ?? 0)] as const)
  return Object.fromEntries(added.filter(([, count]) => count !== 0))
}

/** Counters are written when the server ends at the latest, so it is restarted. */
async function readCounts(): Promise<Counts> {
  await registry.stop()
  await registry.start()
  return registry.inside(async ({ ports }) => {
    const rows = await ports.database.read
      .selectFrom('download_counts')
      .innerJoin('packages', 'packages.id', 'download_counts.package_id')
      .select(['kind', 'packages.name', 'download_counts.version', 'download_counts.count'])
      .execute()
    return Object.fromEntries(rows.map(({ kind, name, version, count }) => [`${kind} ${name} ${version}`, Number(count)]))
  })
}

test('CO-022 a name that the registry does not have costs one request for the root and none for the name', async () => {
  const project = createProject(registry, { token, require: { 'acme/unknown': '^1.0' } })

  const run = await project.composer(['update'])

  expect(run.code).toBe(2)
  expect(run.output).toContain('requires acme/unknown, it could not be found in any version')
  expect(new Set(summarize(registry.proxy.exchanges))).toEqual(
    new Set(['GET /acme/packages.json 200', 'GET /acme/providers/acme/unknown.json 200']),
  )
})

test('CO-061 answers 503 are retried by the client and the update succeeds', async () => {
  const project = exampleProject()
  const refused = new Map<string, number>()
  registry.proxy.intercept((_, path) => {
    const count = refused.get(path) ?? 0
    refused.set(path, count + 1)
    return count < 2 ? new Response('', { status: 503 }) : null
  })

  await project.succeed(['update'])

  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(registry.proxy.exchanges.filter(({ path }) => path === '/acme/packages.json').map(({ status }) => status)).toEqual([
    503, 503, 200,
  ])
})

test('CO-061 a server that is restarted in the middle of an update is not noticed', async () => {
  const project = exampleProject()
  const restart = Promise.withResolvers<void>()
  let isRestarting = false
  registry.proxy.intercept(async (_, path) => {
    if (!path.startsWith('/acme/p2/')) {
      return null
    }
    if (isRestarting) {
      await restart.promise
      return null
    }
    isRestarting = true
    await registry.stop()
    await registry.start()
    restart.resolve()
    return new Response('', { status: 503 })
  })

  await project.succeed(['update'])

  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
})

test('after a restart of the server a warm client still gets 304 for everything', async () => {
  const project = exampleProject()
  await project.succeed(['update'])
  await registry.stop()
  await registry.start()
  registry.proxy.reset()

  await project.succeed(['update'])

  expect(summarize(registry.proxy.exchanges).sort()).toEqual([...withStatus(METADATA, 304), AUDIT])
})

test('CO-157 while the server is down a client with a warm cache goes on with a warning', async () => {
  const project = exampleProject()
  await project.succeed(['update'])
  await registry.stop()
  await registry.proxy.fall()

  const update = await project.composer(['update'])
  project.removeVendor()
  const install = await project.composer(['install'])
  registry.proxy.rise()
  await registry.start()

  expect([update.code, install.code]).toEqual([0, 0])
  expect(update.output).toContain('could not be fully loaded')
  expect(update.output).toContain('loaded from the local cache and may be out of date')
  expect(project.installed()).toEqual(EXAMPLE_INSTALLED)
}, 30_000)

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
