/** One installation with everything that is asked for over HTTP, and nginx with the same bytes. */
import { createHash } from 'node:crypto'
import type { Bench } from './bench.ts'
import { startNginx, type Nginx } from './nginx.ts'
import { findFreePort, SERVER_CORE } from './processes.ts'
import { addOrganization, makePackage, openData, publish, referenceOf, storeArchive } from './provision.ts'
import { startServer, type Server } from './server.ts'
import { receive } from './verify.ts'
import type { Target } from './wrk.ts'

/** Versions with which the compressed document has about 20 kB. */
const METADATA_VERSIONS = 320
const LARGE_REPOSITORY = 10_000
const APPLICATION_PACKAGES = 300
const APPLICATION_VERSIONS = 20
const FOREIGN_PATTERNS = ['acme/*', 'example/library']

/** The archives that are measured, by name. */
export const ARCHIVES: readonly { name: string; bytes: number; connections: number }[] = [
  { name: '10 kB', bytes: 10_000, connections: 16 },
  { name: '1 MB', bytes: 1_000_000, connections: 16 },
  { name: '20 MB', bytes: 20_000_000, connections: 16 },
]

/** Paths below both servers. */
export const PATHS = {
  metadata: 'bench/p2/bench/metadata.json',
  large: 'large/packages.json',
  application: 'project/packages.json',
} as const

/** Both servers, and what a client of each organization sends. */
export interface Registry {
  server: Server
  nginx: Nginx
  authorization: { bench: string; limited: string; large: string; application: string }
  applicationPackages: string[]
  stop(): Promise<void>
}

/** Where an archive is: ours by reference, nginx's by file. */
export function archivePaths(size: string): { ours: string; reference: string } {
  const name = archivePackage(size)
  return { ours: `bench/dists/${name}/1.0.0/${referenceOf(name, 0)}.zip`, reference: `archives/${name}.zip` }
}

function archivePackage(size: string): string {
  return `bench/archive-${size.replace(' ', '').toLowerCase()}`
}

/** What Composer sends that matters to a server. */
export function composerRequest(url: string, authorization: string): Target {
  return { url, headers: { Authorization: authorization, 'Accept-Encoding': 'gzip' } }
}

/** Fills a data directory, starts both servers pinned to the same core, and copies our answers to nginx. */
export async function startRegistry(bench: Bench): Promise<Registry> {
  bench.say('Filling a registry: 10,000 packages, 300 packages × 20 versions, archives.')
  const directory = await bench.folder('registry')
  const applicationPackages = Array.from({ length: APPLICATION_PACKAGES }, (_, index) => `project/package-${index}`)
  const authorization = await fill(directory, applicationPackages)
  const server = await startServer({ directory, port: await findFreePort(), cores: SERVER_CORE })
  const nginx = await startNginx({ directory: await bench.folder('nginx'), port: await findFreePort(), cores: SERVER_CORE })
  await copy({ server, nginx, path: PATHS.metadata, authorization: authorization.bench })
  await copy({ server, nginx, path: PATHS.large, authorization: authorization.large })
  await copy({ server, nginx, path: PATHS.application, authorization: authorization.application })
  for (const name of applicationPackages) {
    await copy({ server, nginx, path: `project/p2/${name}.json`, authorization: authorization.application })
  }
  for (const { name, bytes } of ARCHIVES) {
    await nginx.put(archivePaths(name).reference, archiveBytes(bytes), new Date(0))
  }
  return {
    server,
    nginx,
    authorization,
    applicationPackages,
    async stop() {
      await server.process.stop()
      await nginx.process.stop()
    },
  }
}

async function fill(directory: string, applicationPackages: readonly string[]): Promise<Registry['authorization']> {
  const { app, ctx } = await openData(directory)
  try {
    const bench = await addOrganization(ctx(), 'bench')
    const archived = ARCHIVES.map(({ name }) => makePackage(archivePackage(name), 1))
    await publish(ctx(), bench.organization.id, [
      makePackage('bench/metadata', METADATA_VERSIONS, ['psr/log', 'psr/container']),
      ...archived,
    ])
    for (const { name, bytes } of ARCHIVES) {
      const target = archivePackage(name)
      const archive = { organization: bench.organization.id, name: target, reference: referenceOf(target, 0) }
      await storeArchive(ctx(), { ...archive, bytes: archiveBytes(bytes) })
    }
    const large = await addOrganization(ctx(), 'large')
    const names = Array.from({ length: LARGE_REPOSITORY }, (_, index) => `vendor-${index % 97}/package-${index}`)
    const packages = names.map((name) => makePackage(name, 1))
    await publish(ctx(), large.organization.id, packages)
    const application = await addOrganization(ctx(), 'project')
    const required = applicationPackages.map((name) => makePackage(name, APPLICATION_VERSIONS))
    await publish(ctx(), application.organization.id, required)
    return {
      bench: bench.authorization,
      limited: await bench.limited([...FOREIGN_PATTERNS, 'bench/*']),
      large: large.authorization,
      application: application.authorization,
    }
  } finally {
    await app.close()
  }
}

/** Bytes that no compression makes smaller, always the same. */
function archiveBytes(size: number): Uint8Array {
  const blocks: Buffer[] = []
  for (let index = 0; index * 64 < size; index += 1) {
    blocks.push(createHash('sha512').update(`${index}`).digest())
  }
  return Buffer.concat(blocks).subarray(0, size)
}

/** Saves one of our answers where nginx finds it, with our URL replaced by nginx's where a client would follow it. */
async function copy(input: { server: Server; nginx: Nginx; path: string; authorization: string }): Promise<void> {
  const { server, nginx, path, authorization } = input
  const received = await receive(composerRequest(`${server.url}/${path}`, authorization))
  if (received.status !== 200 || received.headers.get('content-encoding') !== 'gzip') {
    throw new Error(`${path} gave ${received.status} and not a compressed document.`)
  }
  const isRoot = path === PATHS.application
  await nginx.put(path, isRoot ? replaceUrl(received.bytes, server.url, nginx.url) : received.bytes, received.lastModified)
}

function replaceUrl(compressed: Uint8Array, from: string, to: string): Uint8Array {
  const text = new TextDecoder().decode(Bun.gunzipSync(compressed as Uint8Array<ArrayBuffer>))
  return Bun.gzipSync(text.replaceAll(from, to))
}
