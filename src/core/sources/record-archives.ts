import type { ArchiveFormat } from '../../composer/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { StoredBlob } from '../kernel/ports.ts'
import { toSeconds } from '../kernel/values.ts'
import {
  bumpPackage,
  findDist,
  lockPackage,
  recordBuilt,
  rememberReferences,
  setDistFormat,
  type Dist,
  type Package,
} from '../packages/index.ts'

/** An archive whose blob is stored and whose row is not written yet. */
export interface StoredArchive {
  reference: string
  blob: StoredBlob
  /** Metadata shows the checksum already: the blob had been lost. */
  isRepair: boolean
  /** What came from elsewhere as it is; archives that are built here are zips. */
  format?: ArchiveFormat
}

/**
 * Writes the rows of stored archives in one transaction, which moves the package's clock once. Returns those whose bytes differ from
 * what was recorded before; they are logged and not written, because lock files hold the old checksum. Throws `package_not_found`.
 */
export async function recordArchives(ctx: Ctx, target: Package, archives: readonly StoredArchive[]): Promise<StoredArchive[]> {
  const differing = await ctx.transaction((tx) => recordArchivesWithin(tx, target, archives))
  logDiffering(ctx, target, differing)
  return differing
}

/** As `recordArchives`, in the caller's transaction; differing ones are not logged, see `logDiffering`. */
export async function recordArchivesWithin(
  tx: Tx,
  target: Package,
  archives: readonly StoredArchive[],
): Promise<StoredArchive[]> {
  if (!(await lockPackage(tx.db, target.id))) {
    throw new DomainError('package_not_found')
  }
  const refused: StoredArchive[] = []
  for (const archive of archives) {
    if (!(await recordOne(tx, target, archive))) {
      const { organization, id, name } = target
      const { reference, blob } = archive
      await tx.record({ type: 'dist.differed', organization, package: id, name, reference, sha1: blob.sha1 })
      refused.push(archive)
    }
  }
  if (archives.some((archive) => !archive.isRepair && !refused.includes(archive))) {
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
  }
  return refused
}

/** Tells the operator of archives whose bytes are not those that were recorded. */
export function logDiffering(ctx: Ctx, target: Package, differing: readonly StoredArchive[]): void {
  for (const { reference, blob } of differing) {
    ctx.log.error('An archive was built again and its bytes differ from those recorded; the new ones are not used.', {
      package: target.name,
      reference,
      sha1: blob.sha1,
    })
  }
}

/** A reference is remembered when the version that has it is published, or here, when it is an older one that somebody asked for. */
async function findOrRemember(tx: Tx, target: Package, reference: string): Promise<Dist | null> {
  const known = await findDist(tx.db, target.id, reference)
  if (known !== null) {
    return known
  }
  const newId = () => tx.newId()
  await rememberReferences(tx.db, { package: target.id, references: [reference], newId, now: tx.now })
  return findDist(tx.db, target.id, reference)
}

async function recordOne(tx: Tx, target: Package, { reference, blob, format }: StoredArchive): Promise<boolean> {
  const dist = await findOrRemember(tx, target, reference)
  if (dist !== null && dist.sha256 === null && format !== undefined && format !== dist.format) {
    await setDistFormat(tx.db, dist.id, format)
  }
  if (dist === null || !(await recordBuilt(tx.db, dist.id, blob, tx.now))) {
    return false
  }
  await tx.record({
    type: 'dist.built',
    organization: target.organization,
    package: target.id,
    name: target.name,
    reference,
    size: blob.size,
  })
  return true
}
