/**
 * A client that meets an upstream for the first time asks for a dozen packages at once, and every transaction of its own would wait for the disk. What
 * arrives for one organization and actor within a moment is recorded in one.
 */
import type { Actor } from '../kernel/actor.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { Upstreams } from '../kernel/ports.ts'
import { lockForDelivery } from '../sources/index.ts'
import type { Mirror } from './mirror.ts'
import { findReservations } from './protect-names.ts'
import { recordMirroredPackage, type PackageAnswer, type RecordedPackage } from './record-mirrored-package.ts'

/** What an upstream said about a package, to be recorded. */
export interface Recording {
  mirror: Mirror
  name: string
  answer: PackageAnswer
}

interface Waiting {
  recording: Recording
  settled: PromiseWithResolvers<RecordedPackage | null>
}

/** Milliseconds that the first waits for others. */
const GATHERED_FOR = 2
const MOST_TOGETHER = 16

/** By process; what waits is known to nobody else. */
const gatherings = new WeakMap<Upstreams, Map<string, Waiting[]>>()

/** As `recordMirroredPackage` in a transaction, which others may share. */
export function recordTogether(ctx: Ctx, recording: Recording): Promise<RecordedPackage | null> {
  const gathering = gatherings.get(ctx.upstreams) ?? new Map<string, Waiting[]>()
  gatherings.set(ctx.upstreams, gathering)
  const key = `${recording.mirror.organization} ${identityOf(ctx.actor)}`
  const waiting = gathering.get(key)
  const one: Waiting = { recording, settled: Promise.withResolvers() }
  if (waiting !== undefined) {
    waiting.push(one)
    return one.settled.promise
  }
  const own = [one]
  gathering.set(key, own)
  return Promise.all([one.settled.promise, recordAll(ctx, own, () => gathering.delete(key))]).then(([recorded]) => recorded)
}

/** Events name whoever caused them, so only those of one actor go together. */
function identityOf(actor: Actor): string {
  switch (actor.kind) {
    case 'token':
      return `token ${actor.token}`
    case 'user':
      return `user ${actor.user}`
    default:
      return actor.kind
  }
}

async function recordAll(ctx: Ctx, waiting: Waiting[], end: () => void): Promise<void> {
  try {
    do {
      await ctx.upstreams.sleep(GATHERED_FOR)
      await recordSome(ctx, waiting.splice(0, MOST_TOGETHER))
    } while (waiting.length > 0)
  } finally {
    end()
  }
}

async function recordSome(ctx: Ctx, some: readonly Waiting[]): Promise<void> {
  try {
    const recorded = await ctx.transaction((tx) => recordInOne(tx, some))
    for (const [index, { settled }] of some.entries()) {
      settled.resolve(recorded[index] ?? null)
    }
  } catch (error) {
    const [first, ...others] = some
    if (others.length === 0) {
      first?.settled.reject(error)
      return
    }
    // One of them may be at fault; the others must not fail with it.
    for (const one of some) {
      await recordSome(ctx, [one])
    }
  }
}

async function recordInOne(tx: Tx, some: readonly Waiting[]): Promise<(RecordedPackage | null)[]> {
  const [first] = some
  // In one order everywhere: two processes that record packages of the same mirrors must not wait for each other in a circle.
  for (const id of new Set(some.map(({ recording }) => recording.mirror.id).toSorted((left, right) => left - right))) {
    await lockForDelivery(tx.db, id, null)
  }
  const names = some.map(({ recording }) => recording.name)
  const patterns = first === undefined ? new Map() : await findReservations(tx.db, first.recording.mirror.organization, names)
  const recorded: (RecordedPackage | null)[] = []
  for (const { recording } of some) {
    recorded.push(await recordMirroredPackage(tx, { ...recording, pattern: patterns.get(recording.name) ?? null }))
  }
  return recorded
}
