import type { Tx } from '../kernel/ctx.ts'
import type { ManifestId, OrganizationId, PackageId, SourceId } from '../kernel/values.ts'
import { toSeconds } from '../kernel/values.ts'
import { bumpOrganization, insertTeamPackages, selectTeamsOfSource } from '../organizations/index.ts'
import type { CandidatePackage } from './candidate.ts'
import { indexNames } from './indexed-names.sql.ts'
import { hashManifest, storeManifests } from './manifests.sql.ts'
import { findPackage, type Package } from './package-reading.sql.ts'
import { isEmptyPlan, planPublication, type HashedCandidate, type PublicationPlan } from './plan-publication.ts'
import {
  bumpPackage,
  hideVersions,
  insertPackage,
  insertVersions,
  rememberReferences,
  selectPackagesOfSource,
  selectPublished,
  updatePackage,
  updateVersion,
} from './publishing.sql.ts'
import { takeOverMirrored } from './take-over-mirrored.ts'

/** Everything that a source has to publish at one moment. */
export interface PublishPackages {
  organization: OrganizationId
  source: SourceId
  packages: CandidatePackage[]
}

/** What became of a publication. */
export interface Publication {
  /** Packages of which something changed. */
  changed: { id: PackageId; name: string }[]
  /** Names that another source of the organization publishes; nothing of them was written (CO-112). */
  taken: string[]
  /** Changes that policy held back. */
  held: { name: string; version: string; rule: string }[]
  published: number
  updated: number
  removed: number
}

/**
 * The recording end of the publish pipeline, inside the caller's transaction: makes the packages of a source those
 * that are offered. A version that is no longer offered is hidden, its archive stays; a package that is no longer offered keeps
 * its row with all versions hidden. Names of other sources are left alone. Everything that changed moves the
 * package's clock once and is recorded as an event. The caller holds the source's row lock.
 */
export async function publishPackages(tx: Tx, input: PublishPackages): Promise<Publication> {
  const result: Publication = { changed: [], taken: [], held: [], published: 0, updated: 0, removed: 0 }
  const hashed = hashCandidates(input.packages)
  const manifests = await storeManifests(tx.db, hashed.bodies)
  for (const { candidate, versions } of hashed.packages) {
    const target = await findOrCreatePackage(tx, input, candidate)
    if (target === null) {
      result.taken.push(candidate.name)
      continue
    }
    await publishOne(tx, { ...target, candidate, versions, manifests, result })
  }
  await withdrawAbsentPackages(tx, input, result)
  return result
}

/** Candidates with the hashes of their manifests, and the texts to be stored by hash. */
export function hashCandidates(packages: readonly CandidatePackage[]) {
  const bodies = new Map<string, string>()
  const hashes = new Map<string, string>()
  const hashed = packages.map((candidate) => ({
    candidate,
    versions: candidate.versions.map((version): HashedCandidate => {
      const manifestSha256 = hashes.get(version.manifest) ?? hashManifest(version.manifest)
      hashes.set(version.manifest, manifestSha256)
      bodies.set(manifestSha256, version.manifest)
      return { ...version, manifestSha256 }
    }),
  }))
  return { packages: hashed, bodies }
}

/**
 * Makes the versions of one package those that are offered, inside the caller's transaction, and returns the package, or null when another source
 * has the name. What happens is added to `result`. Versions of a package that is new are recorded as one event, not one each: an
 * upstream has hundreds. The caller holds the source's row lock; `isUnknown` tells that it looked for the package in this transaction and found none.
 */
export async function publishMirrored(
  tx: Tx,
  input: {
    organization: OrganizationId
    source: SourceId
    candidate: CandidatePackage
    result: Publication
    isUnknown?: boolean
  },
): Promise<{ target: Package; isNew: boolean } | null> {
  const { candidate, result } = input
  const hashed = hashCandidates([candidate])
  const found = await findOrCreatePackage(tx, input, candidate)
  if (found === null) {
    result.taken.push(candidate.name)
    return null
  }
  const manifests = await storeManifests(tx.db, hashed.bodies)
  const versions = hashed.packages[0]?.versions ?? []
  await publishOne(tx, { ...found, candidate, versions, manifests, result, isQuiet: found.isNew })
  return found
}

/**
 * The package of the candidate's name if it belongs to this source, created when there is none; null when another source has it. A package
 * that was mirrored under the name is given over to a source that is no mirror (domain.md §5.6).
 */
export async function findOrCreatePackage(
  tx: Tx,
  input: { organization: OrganizationId; source: SourceId; isUnknown?: boolean },
  candidate: CandidatePackage,
): Promise<{ target: Package; isNew: boolean } | null> {
  const existing = input.isUnknown === true ? null : await findPackage(tx.db, input.organization, candidate.name)
  if (existing !== null) {
    const isOwn = existing.source === input.source || (await takeOverMirrored(tx, existing, input.source))
    return isOwn ? { target: { ...existing, source: input.source }, isNew: false } : null
  }
  const modifiedAt = await bumpOrganization(tx.db, input.organization, toSeconds(tx.now))
  const created = await insertPackage(tx.db, {
    uid: tx.newId(),
    organization: input.organization,
    source: input.source,
    candidate,
    modifiedAt,
    createdAt: tx.now,
  })
  if (created === null) {
    return null
  }
  const teams = await selectTeamsOfSource(tx.db, input.source)
  await insertTeamPackages(tx.db, { teams, names: [created.name], createdAt: tx.now })
  await tx.record({
    type: 'package.created',
    organization: input.organization,
    package: created.id,
    name: created.name,
    source: input.source,
  })
  return { target: created, isNew: true }
}

interface OnePublication {
  target: Package
  isNew: boolean
  candidate: CandidatePackage
  versions: HashedCandidate[]
  manifests: ReadonlyMap<string, ManifestId>
  result: Publication
  /** No event for each version. */
  isQuiet?: boolean
}

async function publishOne(tx: Tx, input: OnePublication): Promise<void> {
  const { target, result } = input
  const candidate = { ...input.candidate, abandoned: decideAbandoned(target, input.candidate.abandoned) }
  const plan = planPublication(input.isNew ? [] : await selectPublished(tx.db, target.id), input.versions)
  result.held.push(...plan.held.map((held) => ({ name: target.name, ...held })))
  const describes = target.type !== candidate.type || target.description !== candidate.description
  const changesState = target.abandoned !== candidate.abandoned
  if (isEmptyPlan(plan) && !describes && !changesState) {
    return
  }
  // The package's row before those of its versions and archives; see `lockPackage`.
  if (!input.isNew) {
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  }
  await writePlan(tx, input, plan)
  if (describes || changesState) {
    await updatePackage(tx.db, target.id, candidate)
  }
  await indexNames(tx.db, { ...target, isNew: input.isNew }, input.versions)
  if (input.isQuiet !== true) {
    await recordPlan(tx, target, plan)
  }
  result.changed.push({ id: target.id, name: target.name })
  result.published += plan.insert.length
  result.updated += plan.update.length
  result.removed += plan.remove.length
}

/**
 * Whether a package is abandoned after a publication: as its manifest says, and still so when the manifest says nothing any more (contract
 * composer.md §7.7), unless a person decided.
 */
export function decideAbandoned(target: Package, offered: boolean | string): boolean | string {
  return target.abandonedBy === 'person' || offered === false ? target.abandoned : offered
}

/** Writes the versions of a plan and remembers their references. */
export async function writePlan(
  tx: Tx,
  input: { target: Package; manifests: ReadonlyMap<string, ManifestId> },
  plan: PublicationPlan,
): Promise<void> {
  const { target, manifests } = input
  const newId = () => tx.newId()
  // Removing first frees the place of the default branch before another version takes it.
  const removed = plan.remove.map((version) => version.id)
  await hideVersions(tx.db, removed, tx.now)
  for (const change of plan.update) {
    await updateVersion(tx.db, change.before.id, { version: change.after, manifests, now: tx.now })
  }
  await insertVersions(tx.db, { package: target.id, versions: plan.insert, manifests, newId, now: tx.now })
  const references = [...plan.insert, ...plan.update.map((change) => change.after)].map((version) => version.reference)
  await rememberReferences(tx.db, { package: target.id, references, newId, now: tx.now })
}

/** Records what a plan changed as events. */
export async function recordPlan(tx: Tx, target: Package, plan: PublicationPlan): Promise<void> {
  const about = { organization: target.organization, package: target.id, name: target.name }
  for (const { version, reference } of plan.insert) {
    await tx.record({ type: 'version.published', ...about, version, reference })
  }
  for (const { before, after, referenceChanged, restored } of plan.update) {
    if (restored) {
      await tx.record({ type: 'version.restored', ...about, version: after.version, reference: after.reference })
    }
    // Taking a tag away and setting it again elsewhere is a way of moving it.
    if (referenceChanged) {
      await tx.record({
        type: 'version.reference-changed',
        ...about,
        version: after.version,
        ref: after.ref,
        from: before.reference,
        to: after.reference,
      })
    } else if (!restored) {
      await tx.record({ type: 'version.metadata-changed', ...about, version: after.version })
    }
  }
  for (const { version, reference } of plan.remove) {
    await tx.record({ type: 'version.removed', ...about, version, reference })
  }
}

async function withdrawAbsentPackages(tx: Tx, input: PublishPackages, result: Publication): Promise<void> {
  const offered = new Set(input.packages.map((candidate) => candidate.name))
  for (const { id, name } of await selectPackagesOfSource(tx.db, input.source)) {
    if (offered.has(name)) {
      continue
    }
    const shown = (await selectPublished(tx.db, id)).filter((version) => !version.removed)
    if (shown.length === 0) {
      continue
    }
    const hidden = shown.map((version) => version.id)
    await bumpPackage(tx.db, id, toSeconds(tx.now))
    await hideVersions(tx.db, hidden, tx.now)
    for (const { version, reference } of shown) {
      await tx.record({ type: 'version.removed', organization: input.organization, package: id, name, version, reference })
    }
    result.changed.push({ id, name })
    result.removed += shown.length
  }
}
