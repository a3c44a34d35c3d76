/**
 * Failed tries to sign in, kept in the database so that all processes of an installation slow down together. A try costs a password hash
 * anyway, so it may cost a small transaction.
 *
 * Every try is counted as a failure before it is checked and forgiven when it was right; otherwise a thousand tries made at once would all find
 * a clean record. Rows are locked in the order of their keys. Keys are hashes: what people typed is not stored.
 */
import { createHash } from 'node:crypto'
import type { Attempt, Attempts, Clock } from '../../core/kernel/ports.ts'
import type { Db } from '../../core/kernel/schema.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import { addressGroup } from '../../core/kernel/address-group.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** How long an address from which an account signed in is not held up by tries from elsewhere. */
const TRUSTED_FOR = 30 * 24 * HOUR
const PURGE_EVERY = MINUTE
const PURGED_AT_ONCE = 5_000

interface Rule {
  /** So many tries need no wait between them. */
  free: number
  /** The wait before the next try; each further failure doubles it. */
  first: number
  longest: number
  /** Failures are forgotten this long after the last one. */
  remembered: number
}

/**
 * An account's own limit stays below a minute: with a longer one, strangers could keep its owner out. The limit of an address leaves room
 * for offices behind one address.
 */
const RULES = {
  pair: { free: 5, first: 15 * SECOND, longest: 15 * MINUTE, remembered: 24 * HOUR },
  address: { free: 50, first: 10 * SECOND, longest: 15 * MINUTE, remembered: HOUR },
  account: { free: 20, first: 2 * SECOND, longest: 45 * SECOND, remembered: 24 * HOUR },
} as const satisfies Record<string, Rule>

type Subject = keyof typeof RULES

interface Row {
  key: string
  failures: number
  blocked_until: Instant
  trusted_until: Instant
  expires_at: Instant
}

/** Builds the throttle over a database. */
export function createAttempts({ clock, database }: { clock: Clock; database: Database }): Attempts {
  let purgedAt = 0
  return {
    async admit(attempt) {
      const now = clock.now()
      const keys = keysOf(attempt)
      // Whoever has to wait anyway, which is all of a flood, takes no lock and writes nothing.
      const known = judge(await readRows(database.read, { keys, now }), { keys, now })
      if (known.wait > 0) {
        return known.wait
      }
      const wait = await database.write.transaction().execute((db) => admit(db, { attempt, now, database }))
      if (Math.abs(now - purgedAt) >= PURGE_EVERY) {
        purgedAt = now
        await purge(database, now)
      }
      return wait
    },
    async succeed(attempt) {
      const now = clock.now()
      await database.write.transaction().execute((db) => forgive(db, { attempt, now, database }))
    },
  }
}

interface Occasion {
  attempt: Attempt
  now: Instant
  database: Database
}

async function admit(db: Db, { attempt, now, database }: Occasion): Promise<number | null> {
  const keys = keysOf(attempt)
  const rows = await lockRows(db, { keys, now, database })
  const { wait, subjects } = judge(rows, { keys, now })
  if (wait > 0) {
    return wait
  }
  for (const subject of subjects) {
    const rule = RULES[subject]
    const row = rows.get(keys[subject])
    const failures = (row?.failures ?? 0) + 1
    const trustedUntil = row?.trusted_until ?? 0
    await db
      .updateTable('attempts')
      .set({
        failures,
        blocked_until: now + delayAfter(failures, rule),
        expires_at: Math.max(now + rule.remembered, trustedUntil),
      })
      .where('key', '=', keys[subject])
      .execute()
  }
  return null
}

interface Moment {
  keys: Record<Subject, string>
  now: Instant
}

/** How long an attempt has to wait, and under whom it counts: under the account from everywhere only for strangers. */
function judge(rows: ReadonlyMap<string, Row>, { keys, now }: Moment): { wait: number; subjects: Subject[] } {
  const isTrusted = (rows.get(keys.pair)?.trusted_until ?? 0) > now
  const subjects = (Object.keys(RULES) as Subject[]).filter((subject) => subject !== 'account' || !isTrusted)
  const waits = subjects.map((subject) => waitOf(rows.get(keys[subject]), RULES[subject], now))
  return { wait: Math.max(...waits), subjects }
}

async function forgive(db: Db, { attempt, now, database }: Occasion): Promise<void> {
  const keys = keysOf(attempt)
  const rows = await lockRows(db, { keys, now, database })
  await db
    .updateTable('attempts')
    .set({ failures: 0, blocked_until: 0, trusted_until: now + TRUSTED_FOR, expires_at: now + TRUSTED_FOR })
    .where('key', '=', keys.pair)
    .execute()
  const isTrusted = (rows.get(keys.pair)?.trusted_until ?? 0) > now
  for (const subject of isTrusted ? (['address'] as const) : (['address', 'account'] as const)) {
    await db
      .updateTable('attempts')
      .set({ failures: Math.max(0, (rows.get(keys[subject])?.failures ?? 0) - 1), blocked_until: 0 })
      .where('key', '=', keys[subject])
      .execute()
  }
}

/** The rows of an attempt, made where they are absent and held until the end of the transaction. What is over counts as new. */
async function lockRows(db: Db, { keys, now, database }: Moment & { database: Database }): Promise<Map<string, Row>> {
  const sorted = Object.values(keys).sort()
  await db
    .insertInto('attempts')
    .values(sorted.map((key) => ({ key, failures: 0, blocked_until: 0, trusted_until: 0, expires_at: now + HOUR })))
    .onConflict((conflict) => conflict.column('key').doNothing())
    .execute()
  if (database.flags.concurrentWriters) {
    await db.selectFrom('attempts').select('key').where('key', 'in', sorted).orderBy('key').forUpdate().execute()
  }
  return readRows(db, { keys, now })
}

async function readRows(db: Db, { keys, now }: Moment): Promise<Map<string, Row>> {
  const rows = await db.selectFrom('attempts').selectAll().where('key', 'in', Object.values(keys)).execute()
  return new Map(rows.map((row) => [row.key, row.expires_at > now ? row : { ...row, failures: 0, blocked_until: 0 }]))
}

/** Never longer than the rule says, also when the clock was set back meanwhile. */
function waitOf(row: Row | undefined, rule: Rule, now: Instant): number {
  return Math.min(Math.max(0, (row?.blocked_until ?? 0) - now), rule.longest)
}

function delayAfter(failures: number, rule: Rule): number {
  const beyond = failures - rule.free
  return beyond < 0 ? 0 : Math.min(rule.first * 2 ** Math.min(beyond, 30), rule.longest)
}

function keysOf({ purpose, account, address }: Attempt): Record<Subject, string> {
  const group = addressGroup(address)
  const name = account.trim().toLowerCase()
  return {
    pair: toKey('pair', purpose, name, group),
    address: toKey('address', purpose, group),
    account: toKey('account', purpose, name),
  }
}

function toKey(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

async function purge(database: Database, now: Instant): Promise<void> {
  await database.write
    .deleteFrom('attempts')
    .where('key', 'in', (nested) => {
      const over = nested.selectFrom('attempts').select('key').where('expires_at', '<', now).limit(PURGED_AT_ONCE)
      // Rows that somebody holds are in use again; waiting for them here would cross the order of locks.
      return database.flags.concurrentWriters ? over.forUpdate().skipLocked() : over
    })
    .execute()
}
