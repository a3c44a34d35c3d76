/**
 * Names that an upstream says it does not have. How fresh that is each process knows by itself: builds ask for the same virtual packages all the time, and
 * are answered without a statement. What is kept in the database is the last good answer for when the upstream fails, which need not be written often.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { Instant, SourceId } from '../kernel/values.ts'
import { lockForDelivery } from '../sources/index.ts'
import { gatherWork } from './gather-work.ts'
import type { Mirror } from './mirror.ts'
import { writeAbsences } from './mirrored-packages.sql.ts'

const MINUTE = 60_000
/** How long an upstream that does not have a name is not asked for it again. */
export const ABSENCE_LASTS: number = 5 * MINUTE
/** How old a row may get before it is written anew. */
const WRITTEN_EVERY = 24 * 60 * MINUTE

interface Absence {
  mirror: Pick<Mirror, 'id' | 'organization'>
  name: string
}

const write = gatherWork(writeTogether)

/** Until when this process need not ask a mirror's upstream for a name, because it was told lately that there is none; null when it has to. */
export function knownAbsentUntil(ctx: Ctx, mirror: SourceId, name: string): Instant | null {
  return ctx.upstreams.notedUntil(keyOf(mirror, name))
}

/** Whether an upstream said of a name, at `seenAt`, that it does not have it, so lately that it is not asked again. */
export function isFreshAbsence(ctx: Ctx, seenAt: Instant | undefined): boolean {
  return seenAt !== undefined && seenAt + ABSENCE_LASTS > ctx.clock.now()
}

/**
 * Remembers that an upstream said it has no package of a name. `seenAt` is when it was last written that it said so; only once a day it is
 * written again.
 */
export async function rememberAbsence(ctx: Ctx, absence: Absence, seenAt: Instant | undefined): Promise<void> {
  const { mirror, name } = absence
  const now = ctx.clock.now()
  if (seenAt === undefined || seenAt + WRITTEN_EVERY <= now) {
    await write(ctx, String(mirror.id), absence)
  }
  ctx.upstreams.note(keyOf(mirror.id, name), now + ABSENCE_LASTS)
}

function keyOf(mirror: SourceId, name: string): string {
  return `absent ${mirror} ${name}`
}

async function writeTogether(tx: Tx, some: readonly [Absence, ...Absence[]]): Promise<readonly void[]> {
  const { id: source, organization } = some[0].mirror
  const names = [...new Set(some.map(({ name }) => name))].toSorted()
  // As whoever records packages of the mirror does: they forget absences, and must not wait for these rows in a circle. A mirror that is gone has none.
  if (await lockForDelivery(tx.db, source, null)) {
    await writeAbsences(tx.db, source, { names, at: tx.now })
  }
  await tx.record({ type: 'mirror.names-absent', organization, source, names })
  return some.map(() => undefined)
}
