/**
 * What one upstream says about one package. Whatever the shape of the repository, the answer is complete: if one of two files cannot be read, or says something
 * that makes no sense, that is a failure and nothing else, so that the last good state stays (abuse 25, 29). That a name is absent is said only by
 * an answer of now.
 */
import {
  parsePackageName,
  readUpstreamVersions,
  type SkippedUpstreamVersion,
  type UpstreamProtocol,
  type UpstreamVersion,
  type UpstreamVersionsInput,
} from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { Mirror } from '../mirror.ts'
import { fetchDocument, unusable, type FetchedDocument, type FileValidators } from './fetch-document.ts'
import { fetchListed } from './fetch-listed.ts'
import type { UpstreamHost } from './request-upstream.ts'
import { toPackageUrl, toRootUrl } from './upstream-addresses.ts'

/** What is known of the two files of a package. Shapes with one file for all versions have it as `stable`. */
export interface PackageValidators {
  stable: FileValidators
  dev: FileValidators
}

/** What an upstream said about a package. */
export type FetchedPackage =
  | { kind: 'absent' }
  | { kind: 'unchanged' }
  | ({ kind: 'package'; versions: UpstreamVersion[]; skipped: SkippedUpstreamVersion[] } & PackageValidators)

/** A package that is asked for. `known` makes the question conditional. */
export interface PackageRequest {
  /** In lower case. */
  name: string
  known: PackageValidators | null
  /** Bytes that one file may have. */
  maxBytes: number
}

/** The mirror that is asked, with its root file as it was understood last. */
export type AskedMirror = UpstreamHost & Pick<Mirror, 'root' | 'rootModified' | 'rootEtag'>

const NOTHING: FileValidators = { modified: null, etag: null, sha256: null }

/**
 * Asks an upstream for a package. Throws `upstream_failed`, `upstream_paused`, and `source_too_large` for more than `maxBytes`, which somebody with
 * more patience may try with more.
 */
export async function fetchPackage(ctx: Ctx, mirror: AskedMirror, request: PackageRequest): Promise<FetchedPackage> {
  const { root } = mirror
  if (root === null) {
    throw new DomainError('upstream_failed', { problem: 'its root file was not read yet' })
  }
  const { name } = request
  if (parsePackageName(name) !== name) {
    return { kind: 'absent' }
  }
  const { protocol } = root
  const isListed = root.hasPackages || protocol.kind === 'inline' || protocol.kind === 'providers'
  const listed = isListed ? await fetchListed(ctx, mirror, request) : null
  if (listed !== null) {
    return fromSingle(mirror, request, { fetched: listed, url: toRootUrl(mirror.url) })
  }
  const url = findTemplate(protocol)
  if (url === null) {
    return { kind: 'absent' }
  }
  if (protocol.kind === 'metadata') {
    return fetchBoth(ctx, mirror, { ...request, template: url })
  }
  const single = toPackageUrl(url, { name })
  const known = request.known?.stable ?? null
  return fromSingle(mirror, request, {
    fetched: await fetchDocument(ctx, mirror, { url: single, known, maxBytes: request.maxBytes }),
    url: single,
  })
}

/** Where a package is asked for by its name alone. */
function findTemplate(protocol: UpstreamProtocol): string | null {
  switch (protocol.kind) {
    case 'metadata':
    case 'lazy':
      return protocol.url
    case 'providers':
      return protocol.lazyUrl
    case 'inline':
      return null
  }
}

type Fetched = { kind: 'absent' } | { kind: 'unchanged' } | FetchedDocument

function fromSingle(
  mirror: AskedMirror,
  { name }: PackageRequest,
  { fetched, url }: { fetched: Fetched; url: string },
): FetchedPackage {
  if (fetched.kind !== 'document') {
    return fetched
  }
  const read = readFile(mirror, { fetched, name, file: 'any', url })
  return read === null
    ? { kind: 'absent' }
    : { kind: 'package', versions: read.versions, skipped: read.skipped, stable: toValidators(fetched), dev: NOTHING }
}

/** Both files at once. Where one changed, the other is needed too, because versions are replaced as a whole. */
async function fetchBoth(
  ctx: Ctx,
  mirror: AskedMirror,
  { name, known, maxBytes, template }: PackageRequest & { template: string },
): Promise<FetchedPackage> {
  const urls = { stable: toPackageUrl(template, { name }), dev: toPackageUrl(template, { name: `${name}~dev` }) }
  const ask = (which: 'stable' | 'dev', isConditional: boolean) =>
    fetchDocument(ctx, mirror, { url: urls[which], known: isConditional ? toKnown(known?.[which]) : null, maxBytes })
  const first = await Promise.all([ask('stable', true), ask('dev', true)])
  const [stable, dev] = first
  if (stable.kind === 'absent' && dev.kind === 'absent') {
    return { kind: 'absent' }
  }
  if (known !== null && isSame(stable, known.stable) && isSame(dev, known.dev)) {
    return { kind: 'unchanged' }
  }
  const [plain, development] = await Promise.all([
    stable.kind === 'unchanged' ? ask('stable', false) : stable,
    dev.kind === 'unchanged' ? ask('dev', false) : dev,
  ])
  const readPlain = plain.kind === 'document' ? readFile(mirror, { fetched: plain, name, file: 'plain', url: urls.stable }) : null
  const readDev =
    development.kind === 'document' ? readFile(mirror, { fetched: development, name, file: 'dev', url: urls.dev }) : null
  if (readPlain === null && readDev === null) {
    return { kind: 'absent' }
  }
  return {
    kind: 'package',
    ...join(readPlain, readDev),
    stable: plain.kind === 'document' ? toValidators(plain) : NOTHING,
    dev: development.kind === 'document' ? toValidators(development) : NOTHING,
  }
}

/** A file that did not exist has nothing that a question could be conditional on. */
function toKnown(known: FileValidators | undefined): FileValidators | null {
  return known === undefined || known.sha256 === null ? null : known
}

function isSame(fetched: Fetched, known: FileValidators): boolean {
  return fetched.kind === 'unchanged' || (fetched.kind === 'absent' && known.sha256 === null)
}

interface ReadFile {
  versions: UpstreamVersion[]
  skipped: SkippedUpstreamVersion[]
}

/** The versions of a file, or null when it does not know the name. */
function readFile(
  mirror: AskedMirror,
  { fetched, name, file, url }: { fetched: FetchedDocument; url: string } & Pick<UpstreamVersionsInput, 'name' | 'file'>,
): ReadFile | null {
  let document: unknown
  try {
    document = JSON.parse(fetched.text)
  } catch {
    throw unusable(url, 'it is no JSON')
  }
  const read = readUpstreamVersions({ name, document, file, baseUrl: toRootUrl(mirror.url) })
  if (read.kind === 'unusable') {
    throw unusable(url, read.problem)
  }
  return read.kind === 'absent' ? null : { versions: read.versions, skipped: read.skipped }
}

/** Some servers give all versions in both files; of two that are the same the one of the plain file counts. */
function join(plain: ReadFile | null, dev: ReadFile | null): ReadFile {
  const known = new Set(plain?.versions.map(({ normalized }) => normalized))
  const more = dev?.versions.filter(({ normalized }) => !known.has(normalized)) ?? []
  return { versions: [...(plain?.versions ?? []), ...more], skipped: [...(plain?.skipped ?? []), ...(dev?.skipped ?? [])] }
}

function toValidators({ modified, etag, sha256 }: FetchedDocument): FileValidators {
  return { modified, etag, sha256 }
}
