import type { VersionId } from '../kernel/values.ts'
import type { CandidateVersion } from './candidate.ts'
import { policeChange } from './police.ts'

/** A version as it stands in the database, with what a comparison needs. */
export interface PublishedVersion {
  id: VersionId
  version: string
  normalized: string
  type: string
  stability: string
  ref: string
  reference: string
  defaultBranch: boolean
  manifestSha256: string
  time: string | null
  removed: boolean
}

/** A candidate with the hash of its manifest, under which the text is stored. */
export interface HashedCandidate extends CandidateVersion {
  manifestSha256: string
}

/** One published version that changes, and in which respects. */
export interface VersionChange {
  before: PublishedVersion
  after: HashedCandidate
  referenceChanged: boolean
  metadataChanged: boolean
  restored: boolean
}

/** What has to be written so that a package's versions become those that its source has. */
export interface PublicationPlan {
  insert: HashedCandidate[]
  update: VersionChange[]
  remove: PublishedVersion[]
  /** Changes that policy holds back; the published version stays as it is. */
  held: { version: string; rule: string }[]
}

/** Compares what is published with what is offered. Pure; both sides hold each normalized version once. */
export function planPublication(published: readonly PublishedVersion[], offered: readonly HashedCandidate[]): PublicationPlan {
  const plan: PublicationPlan = { insert: [], update: [], remove: [], held: [] }
  const remaining = new Map(published.map((version) => [version.normalized, version]))
  for (const after of offered) {
    const before = remaining.get(after.normalized)
    remaining.delete(after.normalized)
    if (before === undefined) {
      plan.insert.push(after)
      continue
    }
    const change = compareVersion(before, after)
    if (!change.referenceChanged && !change.metadataChanged && !change.restored) {
      continue
    }
    const verdict = policeChange(before, after, 'follow')
    if (verdict.allowed) {
      plan.update.push(change)
    } else {
      plan.held.push({ version: after.version, rule: verdict.rule })
    }
  }
  plan.remove = [...remaining.values()].filter((version) => !version.removed)
  return plan
}

/** In which respects a published version and what is offered for it differ. */
export function compareVersion(before: PublishedVersion, after: HashedCandidate): VersionChange {
  return {
    before,
    after,
    referenceChanged: before.reference !== after.reference,
    metadataChanged:
      before.manifestSha256 !== after.manifestSha256 ||
      before.version !== after.version ||
      before.type !== after.type ||
      before.ref !== after.ref ||
      before.time !== after.time ||
      before.defaultBranch !== after.defaultBranch,
    restored: before.removed,
  }
}

/** Whether the plan changes nothing. */
export function isEmptyPlan(plan: PublicationPlan): boolean {
  return plan.insert.length === 0 && plan.update.length === 0 && plan.remove.length === 0
}
