/**
 * What the root file of a Composer repository says about the repository, whatever its shape (contract composer.md §1). All URLs are absolute and
 * without credentials.
 */
export interface UpstreamRoot {
  protocol: UpstreamProtocol
  /** Names and patterns (lower case) outside of which there is nothing; null where the upstream does not say. */
  available: { names: readonly string[]; patterns: readonly string[] } | null
  /** Whether the root file itself has packages: all of them for `inline`, else the partial ones. */
  hasPackages: boolean
  /** The feed of changes (contract composer.md §7.4), the list of names, the advisories and filter lists; null where there is none. */
  changesUrl: string | null
  listUrl: string | null
  advisories: { metadata: boolean; apiUrl: string | null } | null
  filter: { lists: readonly string[]; summaryUrl: string | null; apiUrl: string | null } | null
}

/**
 * How packages are found. `metadata`: Composer 2, a file per package. `providers`: Composer 1, files named by their checksum. `lazy`: Composer 1,
 * a file per package without one. `inline`: all packages in the root file and its includes, as Satis writes them.
 */
export type UpstreamProtocol =
  | { kind: 'metadata'; url: string }
  | { kind: 'providers'; url: string; lists: readonly UpstreamFile[]; lazyUrl: string | null }
  | { kind: 'lazy'; url: string }
  | { kind: 'inline'; includes: readonly UpstreamFile[] }

/** A file with the checksum that it must have, or null where none is given. */
export interface UpstreamFile {
  url: string
  checksum: { algorithm: 'sha1' | 'sha256'; hex: string } | null
}
