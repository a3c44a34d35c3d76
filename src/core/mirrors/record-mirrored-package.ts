/**
 * What an upstream says about a package becomes rows, in one transaction. Versions that it does not offer any more are hidden, their
 * archives stay; a moved reference is followed, and both archives stay; a checksum that changes under one reference is not.
 */
import type { UpstreamVersion } from '../../composer/index.ts'
import type { Tx } from '../kernel/ctx.ts'
import { toSeconds } from '../kernel/values.ts'
import {
  bumpPackage,
  findPackage,
  findPackageById,
  publishMirrored,
  selectPublished,
  writeAbandoned,
  type Package,
  type Publication,
} from '../packages/index.ts'
import { lockForDelivery } from '../sources/index.ts'
import { recordIncident } from './incidents.ts'
import type { Mirror } from './mirror.ts'
import { recordDists } from './record-dists.ts'
import { deleteAbsences, findMirroredPackage, writeChecked, writeGone } from './mirrored-packages.sql.ts'
import { findReservation } from './protect-names.ts'
import { sortOutSuspects } from './sort-out-suspects.ts'
import { toCandidatePackage, toOfferedDists } from './to-candidate.ts'
import type { FetchedPackage, PackageValidators } from './upstream/index.ts'

/** An answer of an upstream that has the package. */
export type PackageAnswer = Extract<FetchedPackage, { kind: 'package' }>

/** What became of an answer. */
export interface RecordedPackage {
  target: Package
  isNew: boolean
  publication: Publication
}

type PublishedVersions = Awaited<ReturnType<typeof selectPublished>>

/** Fewer versions do not tell much when most of them go. */
const MANY_VERSIONS = 4

/**
 * Makes a package of a mirror what its upstream says, see the head of this file. Null, and nothing is written, when the mirror is gone, when
 * the organization has the name from elsewhere (a package has one origin for ever), and when the name is reserved, which is an incident.
 */
export async function recordMirroredPackage(
  tx: Tx,
  { mirror, name, answer }: { mirror: Mirror; name: string; answer: PackageAnswer },
): Promise<RecordedPackage | null> {
  if (!(await lockForDelivery(tx.db, mirror.id, null))) {
    return null
  }
  const pattern = await findReservation(tx.db, mirror.organization, name)
  const recorded = await recordLocked(tx, { mirror, name, answer, pattern })
  await deleteAbsences(tx.db, mirror.id, recorded === null ? [] : [name])
  return recorded
}

/**
 * As `recordMirroredPackage`, for who holds the row lock of the source, has asked in the same transaction what reserves the name, and forgets
 * that the upstream did not have it.
 */
export async function recordLocked(
  tx: Tx,
  input: { mirror: Mirror; name: string; answer: PackageAnswer; pattern: string | null },
): Promise<RecordedPackage | null> {
  const { mirror, name, answer, pattern } = input
  const { organization, id: source } = mirror
  if (pattern !== null) {
    await recordReserved(tx, mirror, { name, pattern })
    return null
  }
  const existing = await findPackage(tx.db, organization, name)
  const published = existing?.source === source ? await selectPublished(tx.db, existing.id) : []
  const versions = await sortOutSuspects(tx, { mirror, name, published, offered: answer.versions })
  const publication: Publication = { changed: [], taken: [], held: [], published: 0, updated: 0, removed: 0 }
  const candidate = toCandidatePackage(name, versions)
  const isUnknown = existing === null
  const recorded = await publishMirrored(tx, { organization, source, candidate, result: publication, isUnknown })
  if (recorded === null) {
    return null
  }
  const { target, isNew } = recorded
  await recordFiles(tx, mirror, { target, isNew, publication, versions, abandoned: candidate.abandoned })
  await recordChecked(tx, mirror, { target, isNew, validators: answer, isNews: publication.changed.length > 0 })
  if (isNew) {
    await tx.record({ type: 'package.mirrored', organization, package: target.id, name, versions: versions.length })
  } else {
    await noteChanges(tx, mirror, { name, published, offered: versions })
  }
  return { target: isNew ? target : ((await findPackageById(tx.db, target.id)) ?? target), isNew, publication }
}

/**
 * Where archives are is part of what metadata shows, but no part of the versions. An upstream may take back that a package is abandoned, which a
 * manifest cannot.
 */
async function recordFiles(
  tx: Tx,
  mirror: Mirror,
  input: {
    target: Package
    isNew: boolean
    publication: Publication
    versions: readonly UpstreamVersion[]
    abandoned: boolean | string
  },
): Promise<void> {
  const { target, isNew, publication, versions, abandoned } = input
  const isTakenBack = abandoned === false && target.abandoned !== false && target.abandonedBy !== 'person'
  if (isTakenBack) {
    await writeAbandoned(tx.db, target.id, false)
  }
  const isChanged = await recordDists(tx, { mirror, target, isNew, offered: toOfferedDists(versions) })
  if ((isChanged || isTakenBack) && publication.changed.length === 0) {
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
    publication.changed.push({ id: target.id, name: target.name })
  }
}

async function recordChecked(
  tx: Tx,
  { id: source, organization }: Mirror,
  { target, isNew, validators, isNews }: { target: Package; isNew: boolean; validators: PackageValidators; isNews: boolean },
): Promise<void> {
  const known = isNew ? null : await findMirroredPackage(tx.db, source, target.name)
  await writeChecked(tx.db, { package: target.id, source, validators, at: tx.now, isNews })
  if (known?.upstream === 'gone') {
    await tx.record({ type: 'package.back-upstream', organization, package: target.id, name: target.name })
  }
}

/** A reserved name that an upstream offers may be somebody's try to be installed in place of a private package (abuse case 33). */
export async function recordReserved(
  tx: Tx,
  { organization, id: source }: Mirror,
  { name, pattern }: { name: string; pattern: string },
): Promise<void> {
  const detail = `the upstream offers ${name}, but ${pattern} is reserved for private packages here; it is not mirrored`
  await recordIncident(tx, { organization, source, kind: 'reserved', subject: name, detail })
}

async function noteChanges(
  tx: Tx,
  { organization, id: source }: Mirror,
  { name, published, offered }: { name: string; published: PublishedVersions; offered: readonly UpstreamVersion[] },
): Promise<void> {
  const now = new Map(offered.map((version) => [version.normalized, version]))
  const shown = published.filter((version) => !version.removed)
  const gone = shown.filter(({ normalized }) => !now.has(normalized))
  if (shown.length >= MANY_VERSIONS && gone.length * 2 > shown.length) {
    const detail = `${gone.length} of ${shown.length} versions of ${name} are gone upstream at once; their archives stay`
    await recordIncident(tx, { organization, source, kind: 'vanished', subject: name, detail })
  }
  for (const { version, normalized, reference, stability } of shown) {
    const after = now.get(normalized)
    if (stability !== 'dev' && after !== undefined && after.reference !== reference) {
      const detail = `${name} ${version} was ${reference} and is ${after.reference} now; the archives of both stay`
      await recordIncident(tx, { organization, source, kind: 'moved', subject: `${name} ${version}`, detail })
    }
  }
}

/**
 * Writes that the upstream does not have a package any more (abuse case 28): everything stays and can be installed, and clients are told that it is
 * abandoned. Does nothing when that was known, or the package is not the mirror's.
 */
export async function recordGone(tx: Tx, mirror: Mirror, name: string): Promise<void> {
  const { organization, id: source } = mirror
  if (!(await lockForDelivery(tx.db, source, null))) {
    return
  }
  const known = await findMirroredPackage(tx.db, source, name)
  const target = known === null ? null : await findPackageById(tx.db, known.id)
  if (target === null || !(await writeGone(tx.db, target.id, tx.now))) {
    return
  }
  await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  if (target.abandoned === false && target.abandonedBy !== 'person') {
    await writeAbandoned(tx.db, target.id, true)
  }
  await tx.record({ type: 'package.gone-upstream', organization, package: target.id, name })
  const detail = `${name} does not exist upstream any more; everything that was mirrored of it stays`
  await recordIncident(tx, { organization, source, kind: 'gone', subject: name, detail })
}
