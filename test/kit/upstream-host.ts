/** An upstream Composer repository on loopback. Usable outside of tests too, so nothing here knows the test runner. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  writeDocuments,
  type UpstreamDocument,
  type UpstreamFacts,
  type UpstreamShape,
  type UpstreamStyle,
} from './upstream-documents.ts'
import { answerBadly, stream, type PlainAnswer, type UpstreamFault } from './upstream-faults.ts'
import {
  createUpstreamPackages,
  type UpstreamAction,
  type UpstreamPackages,
  type UpstreamVersionSpec,
} from './upstream-packages.ts'

export interface UpstreamOptions extends Partial<Omit<UpstreamStyle, 'root'>> {
  /** `v2` unless given. */
  shape?: UpstreamShape
  packages?: Readonly<Record<string, readonly UpstreamVersionSpec[]>>
  /** Path of the repository, such as `/composer`; empty unless given. */
  path?: string
  /** Name of the root file; one that is not `packages.json` becomes part of `url`. */
  rootName?: string
  root?: Readonly<Record<string, unknown>>
  /** Headers without which everything is 401, such as `{ authorization: 'Bearer …' }`. */
  protection?: Readonly<Record<string, string>>
  /** Whether there is a change feed (`metadata-changes-url`), and a list of names. */
  feed?: boolean
  list?: boolean
  /** Advisories by package, as §7.6 of the contract describes them; given, the root announces the API. */
  advisories?: Record<string, Record<string, unknown>[]>
  /** Filter list → package → constraint. */
  filters?: Record<string, Record<string, string>>
  /** Milliseconds before every answer. */
  latency?: number
  hostname?: string
}

export interface UpstreamRequest {
  method: string
  path: string
  query: string
  headers: Readonly<Record<string, string>>
  /** Of a POST. */
  body: string
}

export interface Upstream {
  /** The repository's URL as a mirror is given it. */
  readonly url: string
  readonly origin: string
  /** What was asked, in order. */
  readonly requests: UpstreamRequest[]
  /** How often a path was asked; a text is the whole path without the query. */
  count(path: string | RegExp): number
  /** Milliseconds before every answer. */
  latency: number
  /** Replaces a package's versions, or adds the package. */
  setVersions(name: string, versions: readonly UpstreamVersionSpec[]): void
  /** The package and its archives are 404 from now on. */
  removePackage(name: string): void
  /** The version stands for another commit; the old archive stays. Returns the new reference. */
  moveTag(name: string, version: string): string
  /** The same version and reference with other bytes, and other `shasum`. */
  changeBytes(name: string, version: string, bytes?: Uint8Array): void
  referenceOf(name: string, version: string): string
  /** The bytes of an archive as they are now. */
  archive(name: string, version: string): Buffer
  /** Path of an archive on this host. */
  archivePath(name: string, version: string): string
  /** Changes the root file; null leaves out a key. */
  setRoot(changes: Readonly<Record<string, unknown>>): void
  /** May be changed by the test; `reportedAt` of its entries decides what `updatedSince` shows. */
  readonly advisories: Record<string, Record<string, unknown>[]>
  readonly filters: Record<string, Record<string, string>>
  /** The change feed's actions; one may be added by hand. */
  readonly actions: UpstreamAction[]
  /** The feed answers `resync` to everything before now. */
  forgetChanges(): void
  /** Requests whose path matches meet this fault until `behave`; null undoes it for that path. */
  misbehave(path: string | RegExp, fault: UpstreamFault | null): void
  behave(): void
  /** Headers without which everything is 401; null opens it. */
  protect(headers: Readonly<Record<string, string>> | null): void
  /** Refuses connections until `rise`, which does nothing while it listens. */
  fall(): Promise<void>
  rise(): Promise<void>
  stop(): Promise<void>
}

/** Starts an upstream on a free port that lives until `stop`. */
export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const packages = createUpstreamPackages()
  const state = createState(packages, options)
  for (const [name, versions] of Object.entries(options.packages ?? {})) packages.setVersions(name, versions)
  let server = createServer((request, response) => void answer(state, request, response))
  const hostname = options.hostname ?? '127.0.0.1'
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, hostname, resolve))
  await listen(0)
  const { port } = server.address() as { port: number }
  state.origin = `http://${hostname}:${port}`
  const { path = '', rootName = 'packages.json' } = options
  async function fall(): Promise<void> {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return Object.assign(state.controls, {
    url: `${state.origin}${path}${rootName === 'packages.json' ? '' : `/${rootName}`}`,
    origin: state.origin,
    fall,
    async rise() {
      if (server.listening) return
      server = createServer((request, response) => void answer(state, request, response))
      await listen(port)
    },
    stop: () => (server.listening ? fall() : Promise.resolve()),
  })
}

type Controls = Omit<Upstream, 'url' | 'origin' | 'fall' | 'rise' | 'stop'>

interface State {
  packages: UpstreamPackages
  controls: Controls
  origin: string
  path: string
  rootName: string
  facts: UpstreamFacts
  protection: Readonly<Record<string, string>> | null
  /** Changes before this time are forgotten. */
  horizon: number
  faults: { path: string | RegExp; fault: UpstreamFault }[]
  /** All documents as they are at a moment of the packages. */
  documents(): Map<string, UpstreamDocument>
}

function createState(packages: UpstreamPackages, options: UpstreamOptions): State {
  const style: UpstreamStyle = {
    shape: options.shape ?? 'v2',
    uid: options.uid ?? false,
    normalized: options.normalized ?? true,
    urls: options.urls ?? 'absolute',
    origins: options.origins ?? 'both',
    shasum: options.shasum ?? true,
    root: options.root ?? {},
  }
  const filters = options.filters ?? {}
  const advisories = options.advisories ?? {}
  let written: { at: string; files: Map<string, UpstreamDocument> } | null = null
  const state: State = {
    packages,
    origin: '',
    path: options.path ?? '',
    rootName: options.rootName ?? 'packages.json',
    facts: {
      hasFeed: options.feed ?? false,
      hasList: options.list ?? false,
      hasAdvisories: options.advisories !== undefined,
      filters,
    },
    protection: options.protection ?? null,
    horizon: 0,
    faults: [],
    documents() {
      const at = `${packages.now()} ${JSON.stringify(filters)}`
      if (written?.at !== at) {
        const place = { origin: state.origin, base: `${state.origin}${state.path}` }
        const files = writeDocuments(packages, style, { place, facts: state.facts, rootName: state.rootName })
        written = { at, files }
      }
      return written.files
    },
    controls: {
      requests: [],
      count: (path) => state.controls.requests.filter((request) => matches(path, request.path)).length,
      latency: options.latency ?? 0,
      ...packages,
      archive: (name, version) => bytesOf(state, name, version),
      archivePath: (name, version) => `${state.path}/dist/${name}/${packages.referenceOf(name, version)}.zip`,
      setRoot(changes) {
        style.root = { ...style.root, ...changes }
        packages.tick()
      },
      advisories,
      filters,
      actions: packages.actions,
      forgetChanges() {
        state.horizon = packages.tick()
      },
      misbehave(path, fault) {
        state.faults = state.faults.filter((entry) => String(entry.path) !== String(path))
        if (fault !== null) state.faults.unshift({ path, fault })
      },
      behave() {
        state.faults = []
      },
      protect(headers) {
        state.protection = headers
      },
    },
  }
  return state
}

function bytesOf({ packages }: State, name: string, version: string): Buffer {
  const archive = packages.archives.get(`${name}/${packages.referenceOf(name, version)}`)
  if (archive === undefined) throw new Error(`The upstream has no archive of ${name} ${version}.`)
  return Buffer.concat([...archive.chunks()])
}

function matches(wanted: string | RegExp, path: string): boolean {
  return typeof wanted === 'string' ? wanted === path : wanted.test(path)
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search } = new URL(request.url ?? '/', 'http://upstream')
  const path = decodeURIComponent(pathname)
  const headers = request.headers as Record<string, string>
  const body = request.method === 'POST' ? Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString() : ''
  state.controls.requests.push({ method: request.method ?? '', path, query: search, headers: { ...headers }, body })
  if (state.controls.latency > 0) await Bun.sleep(state.controls.latency)
  const fault = state.faults.find((entry) => matches(entry.path, path))?.fault
  const below = path.startsWith(`${state.path}/`) ? path.slice(state.path.length + 1) : null
  if (fault !== undefined) {
    await answerBadly(response, fault, plainAnswer(state, below, { headers: {}, search, body }))
    return
  }
  if (Object.entries(state.protection ?? {}).some(([name, value]) => headers[name.toLowerCase()] !== value)) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="upstream"', 'content-length': '0' }).end()
    return
  }
  const archive = state.packages.archives.get(/^dist\/(.+)\.zip$/.exec(below ?? '')?.[1] ?? '')
  if (archive !== undefined) {
    const type = { 'content-type': 'application/zip', 'content-length': String(archive.length) }
    await stream(response, type, archive.chunks())
    return
  }
  const plain = plainAnswer(state, below, { headers, search, body })
  const length = plain.status === 304 ? {} : { 'content-length': String(plain.body.length) }
  response.writeHead(plain.status, { ...plain.headers, ...length }).end(plain.status === 304 ? undefined : plain.body)
}

const JSON_TYPE = { 'content-type': 'application/json' }

function plainAnswer(
  state: State,
  below: string | null,
  { headers, search, body }: { headers: Record<string, string>; search: string; body: string },
): PlainAnswer {
  const document = below === null ? undefined : state.documents().get(below)
  if (document !== undefined) return conditional(document, headers)
  const archive = state.packages.archives.get(/^dist\/(.+)\.zip$/.exec(below ?? '')?.[1] ?? '')
  if (archive !== undefined)
    return { status: 200, headers: { 'content-type': 'application/zip' }, body: Buffer.concat([...archive.chunks()]) }
  const parameters = new URLSearchParams(search)
  const json = (value: unknown, status = 200) => ({ status, headers: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) })
  const { facts, controls } = state
  if (below === 'metadata/changes.json' && facts.hasFeed) return json(...readFeed(state, parameters.get('since')))
  if (below === 'packages/list.json' && facts.hasList) return json({ packageNames: [...state.packages.all.keys()] })
  if (below === 'api/security-advisories/' && facts.hasAdvisories) {
    return json({ advisories: selectAdvisories(controls.advisories, parameters, body) })
  }
  if (below === 'filter/summary.json') return json({ filter: facts.filters })
  if (below === 'filter/api') return json({ filter: filterEntries(facts.filters, body) })
  return json({ error: 'not found' }, 404)
}

function conditional({ body, modified }: UpstreamDocument, headers: Record<string, string>): PlainAnswer {
  const etag = `"${Bun.hash(body).toString(36)}"`
  const validators = { 'last-modified': new Date(modified * 1000).toUTCString(), etag }
  const isKnown =
    headers['if-none-match'] === undefined
      ? headers['if-modified-since'] === validators['last-modified']
      : headers['if-none-match'] === etag
  if (isKnown) return { status: 304, headers: validators, body: Buffer.alloc(0) }
  return { status: 200, headers: { ...JSON_TYPE, ...validators }, body: Buffer.from(body) }
}

function readFeed({ packages, horizon }: State, since: string | null): [value: unknown, status?: number] {
  const timestamp = (packages.now() + 1) * 10_000
  if (since === null || !/^\d+$/.test(since)) return [{ error: 'Invalid or missing "since" query parameter', timestamp }, 400]
  const start = Number(since) / 10_000
  if (start < horizon) return [{ actions: [{ type: 'resync', package: '*', time: packages.now() }], timestamp }]
  return [{ actions: packages.actions.filter(({ time }) => time >= start), timestamp }]
}

function selectAdvisories(
  all: Readonly<Record<string, Record<string, unknown>[]>>,
  parameters: URLSearchParams,
  body: string,
): Record<string, Record<string, unknown>[]> {
  const since = parameters.get('updatedSince')
  if (since !== null) {
    const isNew = (entry: Record<string, unknown>) =>
      Date.parse(`${String(entry['reportedAt']).replace(' ', 'T')}Z`) / 1000 >= Number(since)
    const updated = Object.entries(all).map(([name, entries]) => [name, entries.filter(isNew)] as const)
    return Object.fromEntries(updated.filter(([, entries]) => entries.length > 0))
  }
  const asked = [...parameters, ...new URLSearchParams(body)].filter(([key]) => key.startsWith('packages['))
  return Object.fromEntries(asked.flatMap(([, name]) => (all[name] === undefined ? [] : [[name, all[name]]])))
}

function filterEntries(filters: UpstreamFacts['filters'], body: string): Record<string, unknown[]> {
  const { packages = [] } = JSON.parse(body) as { packages?: string[] }
  const names = new Set(packages.map((purl) => purl.replace(/^pkg:(\/\/)?composer\//, '')))
  return Object.fromEntries(
    Object.entries(filters).map(([list, entries]) => [
      list,
      Object.entries(entries)
        .filter(([name]) => names.has(name))
        .map(([name, constraint]) => ({ package: name, constraint })),
    ]),
  )
}
