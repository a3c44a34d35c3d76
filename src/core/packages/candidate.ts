import type { Stability } from '../../composer/index.ts'

/**
 * One version as a door of the registry offers it for publication: read, identified and validated. The manifest is
 * the part of composer.json that metadata shows, as JSON text; equal manifests are equal texts.
 */
export interface CandidateVersion {
  version: string
  normalized: string
  type: string
  stability: Stability
  /** Full ref name, or `artifact` for an upload. */
  ref: string
  /** The commit id; the SHA-1 of an uploaded archive. */
  reference: string
  defaultBranch: boolean
  manifest: string
  /** RFC 3339, or null when unknown. */
  time: string | null
}

/** All versions that a source has for one package now, each normalized version once. */
export interface CandidatePackage {
  name: string
  type: string
  description: string
  abandoned: boolean | string
  versions: CandidateVersion[]
}
