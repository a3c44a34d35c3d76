import type { DocumentKind } from '../../core/catalog/index.ts'

/** What a path below an organization names on the hot path. */
export type RepositoryPath =
  | { kind: 'root'; organization: string }
  | { kind: 'metadata'; organization: string; name: string; document: DocumentKind }
  /** `version` is what the path says, in whatever form, or null. */
  | { kind: 'dist'; organization: string; name: string; version: string | null; reference: string }

const ROOT = /^\/([^/]+)\/packages\.json$/
const METADATA = /^\/([^/]+)\/p2\/([^/]+\/[^/]+?)(~dev)?\.json$/
const DIST = /^\/([^/]+)\/dists\/([^/]+\/[^/]+)\/(?:(.+)\/)?([^/]+)\.(?:zip|tar|tar\.gz|tar\.bz2)$/

/**
 * Reads a canonical path. Names are taken as they are: a request in mixed case names a package that does not exist (CO-047).
 *
 * An archive is found by its reference alone, so every form of its path works: `dists/{name}/{version}/{reference}.zip` as metadata has it,
 * with any spelling of the version (abuse 3), `dists/{name}/{version}/r{reference}.zip` as mirror templates expand it, and
 * `dists/{name}/{reference}.zip`. How the path ends tells clients the format of an upload, and nothing here.
 */
export function parseRepositoryPath(path: string): RepositoryPath | null {
  const metadata = METADATA.exec(path)
  if (metadata !== null) {
    const [, organization = '', name = '', development] = metadata
    return { kind: 'metadata', organization, name, document: development === undefined ? 'stable' : 'dev' }
  }
  const dist = DIST.exec(path)
  if (dist !== null) {
    const [, organization = '', name = '', version, reference = ''] = dist
    return { kind: 'dist', organization, name, version: version ?? null, reference: reference.replace(/^r(?=[0-9a-f]{7,}$)/, '') }
  }
  const root = ROOT.exec(path)
  return root === null ? null : { kind: 'root', organization: root[1] ?? '' }
}
