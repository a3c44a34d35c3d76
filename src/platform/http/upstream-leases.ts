/**
 * Leases that keep the processes of an installation from asking an upstream for the same thing at once. One row per key; whoever inserts it, or finds it
 * over, holds it and renews it until it is given back. A process that dies stops renewing, and a lease that the machine loses in a crash is no loss.
 * Nothing depends on a lease being exclusive: what is done under it is recorded in a transaction that decides again.
 */
import type { Clock, UpstreamLease } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'

/** How long a lease holds without being renewed, in milliseconds. */
const DURATION = 15_000
const RENEWED_EVERY = 5_000
/** Milliseconds that the first who gives a lease back waits for others. */
const GATHERED_FOR = 3

/** Takes leases over a database; see `Upstreams.lease`. */
export function createUpstreamLeases({
  clock,
  database,
}: {
  clock: Clock
  database: Database
}): (key: string) => Promise<UpstreamLease | null> {
  const giveBack = createReturns(database)
  return async (key) => {
    const holder = crypto.randomUUID()
    if (!(await take(database, { key, holder, now: clock.now() }))) {
      return null
    }
    const renewal = setInterval(() => {
      // One that could not be renewed is taken by others a moment too early.
      renew(database, { key, holder, now: clock.now() }).catch(() => undefined)
    }, RENEWED_EVERY)
    renewal.unref()
    return {
      async release() {
        clearInterval(renewal)
        await giveBack({ key, holder }).catch(() => undefined)
      },
    }
  }
}

interface Holding {
  key: string
  holder: string
  now: number
}

async function take(database: Database, { key, holder, now }: Holding): Promise<boolean> {
  const taken = await database.writeLoosely((db) =>
    db
      .insertInto('upstream_leases')
      .values({ key, holder, leased_until: now + DURATION })
      .onConflict((conflict) =>
        conflict
          .column('key')
          .doUpdateSet({ holder, leased_until: now + DURATION })
          .where('upstream_leases.leased_until', '<=', now),
      )
      .returning('holder')
      .executeTakeFirst(),
  )
  return taken?.holder === holder
}

async function renew(database: Database, { key, holder, now }: Holding): Promise<void> {
  await database.writeLoosely((db) =>
    db
      .updateTable('upstream_leases')
      .set({ leased_until: now + DURATION })
      .where('key', '=', key)
      .where('holder', '=', holder)
      .execute(),
  )
}

/** Gives leases back; those of one moment in one statement, because a client asks for a dozen packages at once. */
function createReturns(database: Database): (held: Omit<Holding, 'now'>) => Promise<void> {
  let waiting: Omit<Holding, 'now'>[] = []
  let removal: Promise<void> | null = null
  async function removeGathered(): Promise<void> {
    await Bun.sleep(GATHERED_FOR)
    const keys = waiting.map(({ key }) => key)
    const holders = waiting.map(({ holder }) => holder)
    waiting = []
    removal = null
    await database.writeLoosely((db) =>
      db.deleteFrom('upstream_leases').where('key', 'in', keys).where('holder', 'in', holders).execute(),
    )
  }
  return (held) => {
    waiting.push(held)
    removal ??= removeGathered()
    return removal
  }
}

/** Removes leases that were over before a moment: those of processes that died, whose keys nobody asked for again. */
export async function purgeLeases(database: Database, before: Instant): Promise<void> {
  await database.writeLoosely((db) => db.deleteFrom('upstream_leases').where('leased_until', '<', before).execute())
}
