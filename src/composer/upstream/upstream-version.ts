import type { VersionManifest } from '../import/version-manifest.ts'

/** A version as an upstream offers it, checked, with what the registry derives from it. */
export interface UpstreamVersion {
  version: string
  /** By Composer's rules, never the upstream's word. */
  normalized: string
  stability: 'stable' | 'RC' | 'beta' | 'alpha' | 'dev'
  type: string
  isDefaultBranch: boolean
  /** RFC 3339, or null when unknown. */
  time: string | null
  /** What the upstream says of when the version was first seen, or last changed if it is a dev version; RFC 3339, or null. */
  publishedTime: string | null
  /** That of the archive, else of the source, else a SHA-1 of what the upstream says about the version. Never empty, no slash. */
  reference: string
  /** What metadata shows beside what the registry derives: without version, time, source, dist, uid, notification-url, abandoned. */
  manifest: VersionManifest
  abandoned: boolean | string
  source: { type: string; url: string; reference: string } | null
  dist: UpstreamDist | null
}

/** Where an archive can be fetched: http or https, without credentials, relative addresses made absolute. */
export interface UpstreamDist {
  type: 'zip' | 'tar'
  url: string
  /** As the upstream says it; null where it says none. */
  reference: string | null
  /** The SHA-1 that the bytes must have, in lower case; null where none is given. */
  shasum: string | null
}
