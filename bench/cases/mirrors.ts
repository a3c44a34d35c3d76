/** Packages of an upstream through the registry: what the detour costs the first time, and that it costs nothing later. */
import type { Bench } from '../bench.ts'
import { clearCache, createProject, update, type Project } from '../composer-project.ts'
import { addMirror } from '../../src/core/mirrors/index.ts'
import { ALL_CORES, findFreePort, forgetPeak, peakResidentBytes, residentBytes } from '../processes.ts'
import { addOrganization, makePackage, openData, publish } from '../provision.ts'
import { measureRates, type Served } from '../rate-case.ts'
import { composerRequest } from '../registry.ts'
import { alternate, type Result } from '../results.ts'
import { startServer, type Server } from '../server.ts'
import { packageNames, rootRequirements, startUpstreamProcess, type UpstreamPlan } from '../upstream.ts'
import { receive } from '../verify.ts'
import type { Target } from '../wrk.ts'

const LIBRARIES: UpstreamPlan = { vendor: 'library', packages: 200, versions: 20, bytes: 30_000, latency: 20 }
const LARGE: UpstreamPlan = { vendor: 'large', packages: 100, versions: 1, bytes: 10_000_000, latency: 0 }
const OWN = 'own/package'
const CONNECTIONS = 16
/** As many as Composer downloads at once. */
const DOWNLOADS = 8
const MEGABYTE = 1_000_000
/** What "memory flat" means: growth while half a gigabyte more passes through. */
const GROWTH_LIMIT = 64

interface Installation {
  server: Server
  upstreams: { libraries: string; large: string }
  /** Organizations that have a mirror of the libraries and no package of it, one per round; the first one has packages of its own. */
  fresh: readonly { slug: string; authorization: string }[]
  large: { slug: string; authorization: string }
  stop(): Promise<void>
}

/** Cold and warm updates against the upstream itself, answers about mirrored and own packages, memory while archives pass through. */
export async function measureMirrors(bench: Bench): Promise<Result[]> {
  const installation = await startInstallation(bench)
  try {
    return [
      ...(await measureUpdates(bench, installation)),
      ...(await measureAnswers(bench, installation)),
      await measureStreaming(bench, installation),
    ]
  } finally {
    await installation.stop()
  }
}

async function startInstallation(bench: Bench): Promise<Installation> {
  bench.say('Mirrors: starting two upstreams and a registry.')
  const libraries = await startUpstreamProcess(await bench.folder('upstream'), LIBRARIES)
  const large = await startUpstreamProcess(await bench.folder('upstream'), LARGE)
  const directory = await bench.folder('mirrors')
  const { app, ctx } = await openData(directory)
  const addMirroring = async (slug: string, url: string) => {
    const { organization, authorization } = await addOrganization(ctx(), slug)
    await addMirror(ctx(), { organization: organization.id, url })
    return { slug, authorization, id: organization.id }
  }
  try {
    const fresh = []
    for (let round = 0; round < bench.options.rounds; round += 1) {
      fresh.push(await addMirroring(`fresh-${round}`, libraries.url))
    }
    const [first] = fresh
    if (first !== undefined) {
      await publish(ctx(), first.id, [makePackage(OWN, LIBRARIES.versions)])
    }
    const streaming = await addMirroring('streaming', large.url)
    const server = await startServer({ directory, port: await findFreePort(), cores: ALL_CORES })
    return {
      server,
      upstreams: { libraries: libraries.url, large: large.url },
      fresh,
      large: streaming,
      async stop() {
        await server.process.stop()
        await libraries.process.stop()
        await large.process.stop()
      },
    }
  } finally {
    await app.close()
  }
}

async function measureUpdates(bench: Bench, { server, upstreams, fresh }: Installation): Promise<Result[]> {
  const { rounds } = bench.options
  const names = packageNames(LIBRARIES)
  const plan = { require: rootRequirements(names), packages: names.length }
  const direct = await createProject(bench, { ...plan, repository: upstreams.libraries, authorization: null })
  const projects: Project[] = []
  for (const { slug, authorization } of fresh) {
    projects.push(await createProject(bench, { ...plan, repository: `${server.url}/${slug}`, authorization }))
  }
  const install = async (project: Project): Promise<number> => {
    await clearCache(project)
    return update(project, 'install')
  }
  bench.say(`composer update of ${names.length} packages that nobody asked for yet: ${rounds} alternating runs.`)
  const unused = projects.values()
  const cold = await alternate(rounds, {
    reference: () => install(direct),
    ours: () => install(requireNext(unused)),
  })
  bench.say(`composer update of packages that are known: ${rounds} alternating runs.`)
  const [known] = projects
  const warm = await alternate(rounds, {
    reference: () => install(direct),
    ours: () => install(known ?? direct),
  })
  const toResult = (state: string, samples: typeof cold, value: number): Result => ({
    group: 'mirrors',
    name: `composer update and install of ${names.length} packages of an upstream that takes ${LIBRARIES.latency} ms to answer, ${state}`,
    unit: 'ms',
    ours: samples.ours,
    reference: { name: 'the upstream itself', samples: samples.reference },
    cost: null,
    goal: { kind: 'ratio_at_most', value },
    note: null,
  })
  return [toResult('never asked for before', cold, 1.2), toResult('known to the registry', warm, 1)]
}

function requireNext(projects: Iterator<Project>): Project {
  const next = projects.next()
  if (next.done === true) {
    throw new Error('There are fewer fresh organizations than rounds.')
  }
  return next.value
}

async function measureAnswers(bench: Bench, { server, fresh: [first] }: Installation): Promise<Result[]> {
  const { slug = '', authorization = '' } = first ?? {}
  const pid = server.process.pid
  const request = (name: string): Served => ({ ...composerRequest(`${server.url}/${slug}/p2/${name}.json`, authorization), pid })
  const [mirrored, own] = [request(packageNames(LIBRARIES)[0] ?? ''), request(OWN)]
  const common = {
    group: 'mirrors',
    referenceName: 'a package of its own',
    connections: CONNECTIONS,
    note: null,
    // The two documents tell the same about different packages.
    tolerance: 0.5,
    goal: { kind: 'ratio_at_least' as const, value: 0.95 },
  }
  return [
    await measureRates(bench, {
      ...common,
      name: 'metadata 200 of a mirrored package',
      ours: mirrored,
      reference: own,
      status: 200,
    }),
    await measureRates(bench, {
      ...common,
      name: 'metadata 304 of a mirrored package',
      ours: await revalidating(mirrored),
      reference: await revalidating(own),
      status: 304,
    }),
  ]
}

/** The same request of a client that has the present copy. */
async function revalidating(target: Served): Promise<Served> {
  const { headers } = await receive(target)
  return { ...target, headers: { ...target.headers, 'If-Modified-Since': headers.get('last-modified') ?? '' } }
}

async function measureStreaming(bench: Bench, { server, large }: Installation): Promise<Result> {
  bench.say(`${LARGE.packages} archives of ${LARGE.bytes / MEGABYTE} MB pass through.`)
  const base = `${server.url}/${large.slug}`
  const archives = new Array<Target>()
  for (const name of packageNames(LARGE)) {
    archives.push(
      composerRequest(
        await findArchive(composerRequest(`${base}/p2/${name}.json`, large.authorization), name),
        large.authorization,
      ),
    )
  }
  const { pid } = server.process
  const before = residentBytes(pid)
  const half = archives.length / 2
  const first = await peakDuring(pid, archives.slice(0, half))
  const second = await peakDuring(pid, archives.slice(half))
  const megabytes = (bytes: number): number => Math.round(bytes / MEGABYTE)
  return {
    group: 'mirrors',
    name: `${(LARGE.packages * LARGE.bytes) / 1e9} GB of archives fetched while clients wait, peak of the second half above that of the first`,
    unit: 'MB',
    ours: [Math.max(0, second - first) / MEGABYTE],
    reference: null,
    cost: null,
    goal: { kind: 'at_most', value: GROWTH_LIMIT },
    note: `${megabytes(before)} MB before, peaks ${megabytes(first)} and ${megabytes(second)} MB, ${DOWNLOADS} at a time`,
  }
}

/** The most memory that the server has while these archives are downloaded. */
async function peakDuring(pid: number, archives: readonly Target[]): Promise<number> {
  forgetPeak(pid)
  const remaining = archives.values()
  let received = 0
  await Promise.all(
    Array.from({ length: DOWNLOADS }, async () => {
      for (const archive of remaining) {
        const bytes = await download(archive)
        received += bytes
      }
    }),
  )
  // Archives are made of whole blocks.
  if (received < archives.length * LARGE.bytes * 0.99) {
    throw new Error(`${received} bytes of archives arrived.`)
  }
  return peakResidentBytes(pid)
}

/** The address of the only archive of a package. */
async function findArchive(metadata: Target, name: string): Promise<string> {
  const response = await fetch(metadata.url, { headers: { ...metadata.headers } })
  const { packages } = (await response.json()) as { packages: Record<string, { dist: { url: string } }[]> }
  const url = packages[name]?.[0]?.dist.url
  if (url === undefined) {
    throw new Error(`${metadata.url} gave ${response.status} and names no archive.`)
  }
  return url
}

/** Bytes of a download that nobody keeps. */
async function download({ url, headers }: Target): Promise<number> {
  const response = await fetch(url, { headers: { ...headers } })
  if (response.status !== 200 || response.body === null) {
    throw new Error(`${url} gave ${response.status}.`)
  }
  let bytes = 0
  for await (const chunk of response.body) bytes += chunk.length
  return bytes
}
