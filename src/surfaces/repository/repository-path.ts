import type { DocumentKind } from '../../core/catalog/index.ts'
import { RESERVED_SLUGS, RESERVED_SUBORGANIZATION_SLUGS } from '../../core/organizations/index.ts'

/** `/{org}/…` is the repository as Composer 2 knows it best; `/org/{org}/…` is the form that Pricore documents. */
export type RepositoryForm = 'canonical' | 'documented'

/** A repository in one of its forms. */
export interface RepositoryAddress {
  form: RepositoryForm
  /** `slug`, or `slug/slug` of a suborganization. */
  organization: string
}

/** What a path below an organization names on the hot path. */
export type RepositoryPath = RepositoryAddress &
  (
    | { kind: 'root' }
    | { kind: 'metadata'; name: string; document: DocumentKind }
    /** `version` is what the path says, in whatever form, or null. */
    | { kind: 'dist'; name: string; version: string | null; reference: string }
    /** An archive by version, in the documented form alone. */
    | { kind: 'version'; name: string; version: string }
    /** A list of names for Composer 1. */
    | { kind: 'legacy-list'; name: string; hash: string }
    /** What there is of a name for Composer 1; without a checksum it is revalidated. */
    | { kind: 'legacy-file'; name: string; hash: string | null }
  )

const METADATA = /^p2\/([^/]+\/[^/]+?)(~dev)?\.json$/
const DIST = /^dists\/([^/]+\/[^/]+)\/(?:(.+)\/)?([^/]+)\.(?:zip|tar|tar\.gz|tar\.bz2)$/
const VERSION = /^packages\/([^/]+\/[^/]+)\/(.+?)\.(?:zip|tar|tar\.gz|tar\.bz2)$/
const LEGACY_LIST = /^p\/provider-([a-z0-9]+)\$([0-9a-f]{64})\.json$/
const LEGACY_FILE = /^p\/([^/]+\/[^/$]+)(?:\$([0-9a-f]{64}))?\.json$/

/**
 * Reads a canonical path. Names are taken as they are: a request in mixed case names a package that does not exist (CO-047).
 *
 * An archive is found by its reference alone, so every form of its path works: `dists/{name}/{version}/{reference}.zip` as metadata has it,
 * with any spelling of the version (abuse 3), `dists/{name}/{version}/r{reference}.zip` as mirror templates expand it, and
 * `dists/{name}/{reference}.zip`. How the path ends tells clients the format of an upload, and nothing here.
 */
export function parseRepositoryPath(path: string): RepositoryPath | null {
  const split = splitRepositoryPath(path)
  if (split === null) {
    return null
  }
  const { rest, ...address } = split
  if (rest === 'packages.json') {
    return { ...address, kind: 'root' }
  }
  const metadata = METADATA.exec(rest)
  if (metadata !== null) {
    const [, name = '', development] = metadata
    return { ...address, kind: 'metadata', name, document: development === undefined ? 'stable' : 'dev' }
  }
  const dist = DIST.exec(rest)
  if (dist !== null) {
    const [, name = '', version, reference = ''] = dist
    return { ...address, kind: 'dist', name, version: version ?? null, reference: reference.replace(/^r(?=[0-9a-f]{7,}$)/, '') }
  }
  return address.form === 'documented' ? parseDocumented(address, rest) : parseLegacy(address, rest)
}

/** The first segments say which repository; the second one of an organization is a suborganization unless the repository uses it itself. */
function splitRepositoryPath(path: string): (RepositoryAddress & { rest: string }) | null {
  const segments = path.split('/').slice(1)
  const form = segments[0] === 'org' ? 'documented' : 'canonical'
  if (form === 'documented') {
    segments.shift()
  }
  const [slug = '', second] = segments
  if (slug === '' || second === undefined || (form === 'canonical' && RESERVED_SLUGS.has(slug))) {
    return null
  }
  const depth = RESERVED_SUBORGANIZATION_SLUGS.has(second) ? 1 : 2
  return { form, organization: segments.slice(0, depth).join('/'), rest: segments.slice(depth).join('/') }
}

function parseDocumented(address: RepositoryAddress, rest: string): RepositoryPath | null {
  const [, name, version] = VERSION.exec(rest) ?? []
  return name === undefined || version === undefined ? null : { ...address, kind: 'version', name, version }
}

function parseLegacy(address: RepositoryAddress, rest: string): RepositoryPath | null {
  const [, list, listHash] = LEGACY_LIST.exec(rest) ?? []
  if (list !== undefined && listHash !== undefined) {
    return { ...address, kind: 'legacy-list', name: list, hash: listHash }
  }
  const [, name, hash] = LEGACY_FILE.exec(rest) ?? []
  return name === undefined ? null : { ...address, kind: 'legacy-file', name, hash: hash ?? null }
}

/** The public URL of a repository in one of its forms, without a slash at the end. */
export function toRepositoryUrl(baseUrl: string, { form, organization }: RepositoryAddress): string {
  return `${baseUrl}${form === 'documented' ? '/org' : ''}/${organization}`
}

/** The repository that the parameters of a route name: `slug`, or `slug/slug`. */
export function pathOf(params: Readonly<Record<string, string>>): string {
  return params['sub'] === undefined ? (params['org'] ?? '') : `${params['org']}/${params['sub']}`
}
