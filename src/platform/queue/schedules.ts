/**
 * Recurring jobs. The row of a schedule holds the one time at which it is due next. Whoever moves that time on, by
 * compare-and-set, enqueues the job in the same transaction, so any number of processes fire it once. The next time is
 * computed from the present, so that times missed while nothing ran are made up for once.
 *
 * A clock that was set back would leave the stored time far ahead. A time later than the next regular one is therefore moved
 * back to it, with `CLOCK_SKEW` of tolerance: otherwise a process whose clock is slightly behind would undo the step of the
 * one that fired, and the job would run twice.
 */
import { Cron } from 'croner'
import type { NewJob } from '../../core/kernel/jobs.ts'
import type { Clock } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'
import type { Database } from '../db/database.ts'
import { enqueueJob } from './enqueue.ts'

/** A job that recurs. `cron` has five fields and is read in UTC; `name` is unique and stays the same over releases. */
export interface Schedule {
  name: string
  cron: string
  job: NewJob
}

/** How far the clocks of the processes of one installation may differ, in milliseconds. */
export const CLOCK_SKEW = 60_000

interface Recurring {
  name: string
  job: NewJob
  cron: Cron
}

/** Keeps the times of a set of schedules and enqueues their jobs. */
export class Scheduler {
  readonly #database: Database
  readonly #clock: Clock
  readonly #newId: () => string
  readonly #recurring: Map<string, Recurring>

  /** Throws when a cron expression is malformed or never comes due. Nothing is read or written yet. */
  constructor(setup: { database: Database; clock: Clock; newId(): string; schedules: readonly Schedule[] }) {
    this.#database = setup.database
    this.#clock = setup.clock
    this.#newId = () => setup.newId()
    this.#recurring = new Map(setup.schedules.map((schedule) => [schedule.name, parseSchedule(schedule, setup.clock.now())]))
    if (this.#recurring.size < setup.schedules.length) {
      throw new Error('Two schedules have the same name.')
    }
  }

  /** Enters new schedules and applies changed expressions: a stored time ahead that the expression does not have is replaced. */
  async prepare(): Promise<void> {
    const now = this.#clock.now()
    const stored = await this.#read()
    for (const recurring of this.#recurring.values()) {
      const nextAt = stored.get(recurring.name)
      if (nextAt === undefined) {
        await this.#insert(recurring, now)
      } else if (nextAt > now && nextAfter(recurring.cron, nextAt - 1) !== nextAt) {
        await this.#move(recurring, { from: nextAt, to: nextAfter(recurring.cron, now), isDue: false })
      }
    }
  }

  /** Enqueues the job of every schedule that is due; returns how many. One read while none is. */
  async fireDue(): Promise<number> {
    if (this.#recurring.size === 0) {
      return 0
    }
    const now = this.#clock.now()
    let fired = 0
    for (const [name, nextAt] of await this.#read()) {
      const recurring = this.#recurring.get(name)
      if (recurring === undefined) {
        continue
      }
      if (nextAt <= now) {
        fired += (await this.#move(recurring, { from: nextAt, to: nextAfter(recurring.cron, now), isDue: true })) ? 1 : 0
      } else if (nextAt > nextAfter(recurring.cron, now + CLOCK_SKEW)) {
        await this.#move(recurring, { from: nextAt, to: nextAfter(recurring.cron, now), isDue: false })
      }
    }
    return fired
  }

  async #read(): Promise<Map<string, Instant>> {
    const rows = await this.#database.read.selectFrom('schedules').select(['name', 'next_at']).execute()
    return new Map(rows.map((row) => [row.name, row.next_at]))
  }

  async #insert(recurring: Recurring, now: Instant): Promise<void> {
    await this.#database.write.transaction().execute((db) =>
      db
        .insertInto('schedules')
        .values({ name: recurring.name, next_at: nextAfter(recurring.cron, now) })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute(),
    )
  }

  async #move(recurring: Recurring, step: { from: Instant; to: Instant; isDue: boolean }): Promise<boolean> {
    return this.#database.write.transaction().execute(async (db) => {
      const moved = await db
        .updateTable('schedules')
        .set({ next_at: step.to })
        .where('name', '=', recurring.name)
        .where('next_at', '=', step.from)
        .executeTakeFirst()
      if (moved.numUpdatedRows === 0n) {
        return false
      }
      if (step.isDue) {
        await enqueueJob(db, recurring.job, { now: this.#clock.now(), newId: this.#newId })
      }
      return true
    })
  }
}

function parseSchedule(schedule: Schedule, now: Instant): Recurring {
  try {
    const cron = new Cron(schedule.cron, { timezone: 'UTC', mode: '5-part', paused: true })
    nextAfter(cron, now)
    return { name: schedule.name, job: schedule.job, cron }
  } catch (error) {
    throw new Error(`The schedule "${schedule.name}" has no usable cron expression: "${schedule.cron}".`, { cause: error })
  }
}

/** The first time of the expression that is later than `instant`. */
function nextAfter(cron: Cron, instant: Instant): Instant {
  const next = cron.nextRun(new Date(instant))
  if (next === null) {
    throw new Error('The expression never comes due.')
  }
  return next.getTime()
}
