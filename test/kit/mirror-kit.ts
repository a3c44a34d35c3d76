/** An organization with a mirror of an upstream of the test kit, asked over HTTP as a client asks. */
import { expandVersions, type VersionData } from '../../src/composer/index.ts'
import { isDomainError } from '../../src/core/kernel/errors.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import {
  addMirror,
  getMirror,
  listMirrorIncidents,
  refreshMirror,
  type AddMirror,
  type DescribedMirror,
} from '../../src/core/mirrors/index.ts'
import { SYSTEM, type TestApp } from './app.ts'
import { buildToken } from './build.ts'
import { memoryReport } from './git-source.ts'
import { createTestServer, type TestServer } from './http.ts'
import { temporaryUpstream, type Upstream, type UpstreamOptions } from './upstream-server.ts'

export interface MirrorKit extends TestServer {
  readonly app: TestApp
  readonly upstream: Upstream
  readonly organization: OrganizationId
  readonly token: string
  /** The mirror as it is now. */
  mirror(): Promise<DescribedMirror>
  /** Refreshes it, and returns the code of the error that kept it from that, or null. */
  refresh(): Promise<string | null>
  /** A GET below the organization's repository. */
  get(path: string): Promise<Response>
  /** Versions that metadata shows, `~dev` included where the name says so; null where there is no such package. */
  versions(name: string): Promise<VersionData[] | null>
  /** Asks for an archive at the address that metadata shows. */
  archive(name: string, version: string): Promise<Response>
  /** `kind subject` of the open incidents. */
  incidents(): Promise<string[]>
}

/** What of the mirror differs from one that adds packages on use. */
export type WantedMirror = Partial<Omit<AddMirror, 'organization'>>

/** Adds a mirror of a new upstream to the organization `acme`, and reads its root file. */
export async function createMirrorKit(options: UpstreamOptions = {}, wanted: WantedMirror = {}): Promise<MirrorKit> {
  const upstream = await temporaryUpstream(options)
  return createMirrorKitOf(upstream, wanted)
}

/** As `createMirrorKit`, of an upstream that there is. */
export async function createMirrorKitOf(upstream: Upstream, wanted: WantedMirror = {}): Promise<MirrorKit> {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization)
  const { mirror: added } = await addMirror(app.ctx(), { organization, url: upstream.url, ...wanted })
  await app.runJobs()
  const get = (path: string) => server.send(`/acme/${path}`, { token })
  const kit: MirrorKit = {
    ...server,
    app,
    upstream,
    organization,
    token,
    mirror: () => getMirror(app.ctx(), { organization, uid: added.uid }),
    async refresh() {
      try {
        await refreshMirror(app.ctx(SYSTEM), added.id, memoryReport())
        return null
      } catch (error) {
        if (!isDomainError(error)) throw error
        return error.code
      }
    },
    get,
    async versions(name) {
      const response = await get(`p2/${name}.json`)
      if (response.status === 404) return null
      const { packages } = (await response.json()) as { packages: Record<string, VersionData[]> }
      return expandVersions(packages[name.replace(/~dev$/, '')] ?? [])
    },
    async archive(name, version) {
      const versions = await kit.versions(`${name}${/dev/.test(version) ? '~dev' : ''}`)
      const dist = versions?.find((one) => one['version'] === version)?.['dist'] as { url: string } | undefined
      if (dist === undefined) throw new Error(`There is no archive of ${name} ${version}.`)
      const { pathname } = new URL(dist.url)
      return server.send(pathname, { token })
    },
    async incidents() {
      const { mirror } = await kit.mirror()
      const page = await listMirrorIncidents(app.ctx(), mirror, { page: { limit: 100, after: null }, isOpen: true })
      return page.items.map(({ kind, subject }) => `${kind} ${subject}`)
    },
  }
  return kit
}
