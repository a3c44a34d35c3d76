import type { AdvisoryId, Instant, OrganizationId } from '../kernel/values.ts'

/** How bad an advisory is (contract composer.md §7.6), the mildest first. */
export const SEVERITIES = ['none', 'low', 'medium', 'high', 'critical'] as const

/** One of `SEVERITIES`. */
export type Severity = (typeof SEVERITIES)[number]

/** Where an advisory was published, and what it is called there. */
export interface AdvisorySource {
  name: string
  remoteId: string
}

/** A security advisory with all that contract composer.md §7.6 asks of a full one. */
export interface Advisory {
  /** Of the row; of several rows about the same thing that of the one that won. */
  id: AdvisoryId
  uid: string
  advisoryId: string
  /** What others call the same advisory. */
  aliases: readonly string[]
  /** Lower case. */
  packageName: string
  /** As published; may be a text that is no constraint. */
  affectedVersions: string
  title: string
  link: string | null
  cve: string | null
  severity: Severity | null
  /** When it was published; where nobody said so, when it became known here. */
  reportedAt: Instant
  /** Never empty. */
  sources: readonly AdvisorySource[]
  composerRepository: string | null
  /** Whose own advisory it is; null for one of a feed. */
  organization: OrganizationId | null
  updatedAt: Instant
}

/** The worst of some severities; null when none is known. */
export function severest(severities: readonly (Severity | null)[]): Severity | null {
  return SEVERITIES.findLast((severity) => severities.includes(severity)) ?? null
}
