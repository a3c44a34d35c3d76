import { compareVersions, versionKey } from '../../composer/index.ts'
import type { Tx } from '../kernel/ctx.ts'
import { toSeconds, type OrganizationId, type SourceId } from '../kernel/values.ts'
import type { CandidatePackage, CandidateVersion } from './candidate.ts'
import { indexNames } from './indexed-names.sql.ts'
import { storeManifests } from './manifests.sql.ts'
import type { Package } from './package-reading.sql.ts'
import {
  compareVersion,
  isEmptyPlan,
  type HashedCandidate,
  type PublicationPlan,
  type PublishedVersion,
} from './plan-publication.ts'
import { policeChange, type ChangePolicy } from './police.ts'
import { decideAbandoned, findOrCreatePackage, hashCandidates, recordPlan, writePlan } from './publish-packages.ts'
import { bumpPackage, hideVersions, selectPublished, updatePackage } from './publishing.sql.ts'

/** One version to be published beside those that its package has. */
export interface PublishVersion {
  organization: OrganizationId
  source: SourceId
  /** What the package is called and described as, as far as this version decides. */
  package: Omit<CandidatePackage, 'versions'>
  version: CandidateVersion
  /** Whether a version with other content may be replaced. */
  policy: ChangePolicy
}

/** What became of it. `taken`: another source publishes this name; `refused`: policy, the published version stays as it is. */
export type VersionPublication =
  | { kind: 'published' | 'replaced' | 'restored' | 'unchanged'; package: Package }
  | { kind: 'taken' }
  | { kind: 'refused'; version: string }

/**
 * The recording end of the publish pipeline for doors that bring one version at a time, inside the caller's transaction. Other versions
 * stay as they are; a replaced version's archive stays known by its reference. The highest version describes the package. The caller
 * holds the source's row lock.
 */
export async function publishVersion(tx: Tx, input: PublishVersion): Promise<VersionPublication> {
  const candidate: CandidatePackage = { ...input.package, versions: [input.version] }
  const hashed = hashCandidates([candidate])
  const [after] = hashed.packages[0]?.versions ?? []
  const found = await findOrCreatePackage(tx, input, candidate)
  if (found === null || after === undefined) {
    return { kind: 'taken' }
  }
  const { target, isNew } = found
  const published = isNew ? [] : await selectPublished(tx.db, target.id)
  const before = findSameVersion(target.name, published, after) ?? null
  if (before !== null && !policeChange(before, after, input.policy).allowed) {
    return { kind: 'refused', version: before.version }
  }
  const plan = planOne(before, after)
  if (isEmptyPlan(plan)) {
    return { kind: 'unchanged', package: target }
  }
  if (!isNew) {
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  }
  await writePlan(tx, { target, manifests: await storeManifests(tx.db, hashed.bodies) }, plan)
  if (isHighest(published, after)) {
    await updatePackage(tx.db, target.id, { ...candidate, abandoned: decideAbandoned(target, candidate.abandoned) })
    await indexNames(tx.db, target, [after])
  }
  await recordPlan(tx, target, plan)
  return { kind: kindOf(plan), package: target }
}

/** The published version that Composer takes for the same; spellings such as `1.0` and `01.0` are (CO-116). */
export function findSameVersion(
  name: string,
  published: readonly PublishedVersion[],
  offered: { normalized: string },
): PublishedVersion | undefined {
  const key = versionKey({ name, normalized: offered.normalized })
  return published.find(({ normalized }) => versionKey({ name, normalized }) === key)
}

function planOne(before: PublishedVersion | null, after: HashedCandidate): PublicationPlan {
  const plan: PublicationPlan = { insert: [], update: [], remove: [], held: [] }
  if (before === null) {
    plan.insert.push(after)
    return plan
  }
  const change = compareVersion(before, after)
  if (change.referenceChanged || change.metadataChanged || change.restored) {
    plan.update.push(change)
  }
  return plan
}

function isHighest(published: readonly PublishedVersion[], after: HashedCandidate): boolean {
  return published.every((one) => one.removed || compareVersions(one.normalized, after.normalized) <= 0)
}

function kindOf({ update: [change] }: PublicationPlan): 'published' | 'replaced' | 'restored' | 'unchanged' {
  if (change === undefined) {
    return 'published'
  }
  if (change.referenceChanged) {
    return 'replaced'
  }
  return change.restored ? 'restored' : 'unchanged'
}

/** Hides a version from metadata; its archive stays for lock files. False when the package shows no such version. */
export async function withdrawVersion(tx: Tx, target: Package, normalized: string): Promise<boolean> {
  await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  const found = findSameVersion(target.name, await selectPublished(tx.db, target.id), { normalized })
  if (found === undefined || found.removed) {
    return false
  }
  await hideVersions(tx.db, [found.id], tx.now)
  const { version, reference } = found
  await tx.record({
    type: 'version.removed',
    organization: target.organization,
    package: target.id,
    name: target.name,
    version,
    reference,
  })
  return true
}
