import type { Tx } from '../kernel/ctx.ts'
import type { Package } from '../packages/index.ts'
import { recordIncident } from './incidents.ts'
import type { Mirror } from './mirror.ts'
import { insertDists, selectKnownDists, updateDist, type KnownDist, type OfferedDist } from './mirrored-dists.sql.ts'

/**
 * Writes where the archives of a package are, each under its reference; true when something of it changed that was known. An archive that
 * was fetched stays what it is. Of one that was not, the address may change, and a checksum may come; a checksum that is known stays, because lock
 * files have it, and another one is an incident (abuse case 27). The caller holds the row lock of the package or of its source.
 */
export async function recordDists(
  tx: Tx,
  { mirror, target, isNew, offered }: { mirror: Mirror; target: Package; isNew: boolean; offered: readonly OfferedDist[] },
): Promise<boolean> {
  const known: ReadonlyMap<string, KnownDist> = isNew ? new Map() : await selectKnownDists(tx.db, target.id)
  await insertDists(
    tx.db,
    target.id,
    offered.filter(({ reference }) => !known.has(reference)),
  )
  let isChanged = false
  for (const dist of offered) {
    const before = known.get(dist.reference)
    if (before === undefined) {
      continue
    }
    if (isContradicted(before, dist)) {
      await noteChecksum(tx, { mirror, target, before, dist })
    } else if (isCorrectable(before, dist)) {
      await updateDist(tx.db, target.id, { ...dist, shasum: dist.shasum ?? before.shasum })
      isChanged = true
    }
  }
  return isChanged
}

function isContradicted(before: KnownDist, dist: OfferedDist): boolean {
  return before.shasum !== null && dist.shasum !== null && before.shasum !== dist.shasum
}

function isCorrectable(before: KnownDist, dist: OfferedDist): boolean {
  const isOther = before.url !== dist.url || before.type !== dist.type || (before.shasum === null && dist.shasum !== null)
  return isOther && !before.isKept
}

async function noteChecksum(
  tx: Tx,
  { mirror, target, before, dist }: { mirror: Mirror; target: Package; before: KnownDist; dist: OfferedDist },
): Promise<void> {
  await recordIncident(tx, {
    organization: mirror.organization,
    source: mirror.id,
    kind: 'checksum',
    subject: `${target.name} ${dist.reference}`,
    detail: `the checksum of the archive of ${target.name} (${dist.reference}) was ${before.shasum} and is ${dist.shasum} upstream now; the first stays`,
  })
}
