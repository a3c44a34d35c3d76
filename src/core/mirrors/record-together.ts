import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { SourceId } from '../kernel/values.ts'
import { lockForDelivery } from '../sources/index.ts'
import { gatherWork } from './gather-work.ts'
import type { Mirror } from './mirror.ts'
import { deleteAbsences } from './mirrored-packages.sql.ts'
import { findReservations } from './protect-names.ts'
import { recordLocked, type PackageAnswer, type RecordedPackage } from './record-mirrored-package.ts'

/** What an upstream said about a package, to be recorded. */
export interface Recording {
  mirror: Mirror
  name: string
  answer: PackageAnswer
}

const record = gatherWork(recordInOne)

/** As `recordMirroredPackage` in a transaction, which others of the organization may share. */
export function recordTogether(ctx: Ctx, recording: Recording): Promise<RecordedPackage | null> {
  return record(ctx, String(recording.mirror.organization), recording)
}

async function recordInOne(tx: Tx, some: readonly [Recording, ...Recording[]]): Promise<readonly (RecordedPackage | null)[]> {
  // In one order everywhere: two processes that record packages of the same mirrors, or archives of the same packages, must not wait for each other in a circle.
  const locked = new Set<SourceId>()
  const sources = new Set(some.map(({ mirror }) => mirror.id).toSorted((left, right) => left - right))
  for (const id of sources) {
    if (await lockForDelivery(tx.db, id, null)) {
      locked.add(id)
    }
  }
  const names = some.map(({ name }) => name)
  const patterns = await findReservations(tx.db, some[0].mirror.organization, names)
  const recorded = new Map<Recording, RecordedPackage | null>()
  for (const recording of some.toSorted((left, right) => (left.name < right.name ? -1 : 1))) {
    const pattern = patterns.get(recording.name) ?? null
    recorded.set(recording, locked.has(recording.mirror.id) ? await recordLocked(tx, { ...recording, pattern }) : null)
  }
  for (const id of locked) {
    const own = [...recorded].filter(([{ mirror }, one]) => mirror.id === id && one !== null)
    await deleteAbsences(
      tx.db,
      id,
      own.map(([{ name }]) => name),
    )
  }
  return some.map((recording) => recorded.get(recording) ?? null)
}
