/** Mirrored packages as rows, without the reading of metadata: what tests of archives begin with. */
import { describePackage, getAudience, obtainDist, UnknownReferences } from '../../src/core/catalog/index.ts'
import type { UpstreamVersion } from '../../src/composer/index.ts'
import { normalizeVersion, parseStability } from '../../src/composer/index.ts'
import type { Actor } from '../../src/core/kernel/actor.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { addMirror, type AddMirror, type Mirror } from '../../src/core/mirrors/index.ts'
import { recordMirroredPackage } from '../../src/core/mirrors/record-mirrored-package.ts'
import { findPackage, type Package } from '../../src/core/packages/index.ts'
import { createTestApp, OPERATOR, type TestApp } from './app.ts'
import { temporaryUpstream, type Upstream, type UpstreamOptions } from './upstream-server.ts'

const NOTHING = { modified: null, etag: null, sha256: null }

export interface Mirrored {
  app: TestApp
  organization: OrganizationId
  upstream: Upstream
  mirror: Mirror
  /** Records versions of the upstream's package as they are there now; `changes` replace what is said about each. */
  record(name: string, versions: readonly string[], changes?: Partial<UpstreamVersion>): Promise<Package>
  versions(name: string, actor?: Actor): Promise<Record<string, unknown>[]>
  /** The `dist` of a version as metadata has it. */
  dist(name: string, version: string): Promise<Record<string, unknown>>
  download(name: string, reference: string, actor?: Actor): Promise<Buffer>
  package(name: string): Promise<Package>
}

/** An organization `acme` with a mirror of an upstream, and no package yet. */
export async function createMirrored(
  options: UpstreamOptions & { mirror?: Partial<AddMirror>; app?: TestApp } = {},
): Promise<Mirrored> {
  const { mirror: choices = {}, app: given, ...served } = options
  const app = given ?? (await createTestApp())
  const { id: organization } = await app.organization()
  const upstream = await temporaryUpstream(served)
  const { mirror } = await addMirror(app.ctx(), { organization, url: upstream.url, ...choices })
  app.leaveJobs()
  const audience = (actor: Actor) => getAudience(app.ctx(actor), 'acme')
  const find = async (name: string) => {
    const found = await findPackage(app.ctx().db, organization, name)
    if (found === null) throw new Error(`There is no ${name}.`)
    return found
  }
  const versions = async (name: string, actor: Actor = OPERATOR) =>
    (await describePackage(app.ctx(), await audience(actor), { name, repositoryUrl: 'https://r/acme' })).versions
  return {
    app,
    organization,
    upstream,
    mirror,
    versions,
    package: find,
    async record(name, wanted, changes = {}) {
      const offered = wanted.map((version) => offer(upstream, { name, version }, changes))
      const answer = { kind: 'package' as const, versions: offered, skipped: [], stable: NOTHING, dev: NOTHING }
      await app.ctx().transaction((tx) => recordMirroredPackage(tx, { mirror, name, answer }))
      return find(name)
    },
    async dist(name, version) {
      const found = (await versions(name)).find((one) => one['version'] === version)
      return found?.['dist'] as Record<string, unknown>
    },
    async download(name, reference, actor = OPERATOR) {
      const wanted = { name, reference, unknown: new UnknownReferences() }
      const { location } = await obtainDist(app.ctx(actor), await audience(actor), wanted)
      return Buffer.from(location.kind === 'bytes' ? location.bytes : [])
    },
  }
}

/** A version as its upstream describes it. */
function offer(
  upstream: Upstream,
  { name, version }: { name: string; version: string },
  changes: Partial<UpstreamVersion>,
): UpstreamVersion {
  const reference = upstream.referenceOf(name, version)
  const url = `${upstream.origin}${upstream.archivePath(name, version)}`
  const stability = parseStability(version)
  return {
    version,
    normalized: normalizeVersion(version),
    stability,
    type: 'library',
    isDefaultBranch: stability === 'dev',
    time: null,
    publishedTime: null,
    reference,
    manifest: { description: name },
    abandoned: false,
    source: { type: 'git', url: `https://git.example.org/${name}.git`, reference },
    dist: { type: 'zip', url, reference, shasum: digestOf(upstream, name, version) },
    ...changes,
  }
}

function digestOf(upstream: Upstream, name: string, version: string): string {
  return new Bun.CryptoHasher('sha1').update(upstream.archive(name, version)).digest('hex')
}
