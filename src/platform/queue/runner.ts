/**
 * What runs at once in one runner, and why it is safe: the loop is the only one that claims; each execution settles its own
 * row; heartbeat and reports touch the rows of several jobs and therefore follow each other (`#serially`), so that two
 * transactions of this process never wait for each other's rows. Every write is compare-and-set on owner and attempt.
 */
import { DomainError } from '../../core/kernel/errors.ts'
import type { Clock, Logger, Random } from '../../core/kernel/ports.ts'
import type { Database } from '../db/database.ts'
import { claimNextJob, findNextRunAt, type ClaimedJob } from './claim.ts'
import { callHandler, type Execution, type JobHandlers } from './execution.ts'
import { DEFAULT_BACKOFF, toOutcome, type Backoff } from './failure.ts'
import { LaneSlots, type LaneSizes } from './lanes.ts'
import { extendLeases, loseJob, loseOverdue } from './leases.ts'
import { recoverExpired, releaseOwned } from './recovery.ts'
import { ReportBuffer, writeReports } from './report-buffer.ts'
import { Scheduler, type Schedule } from './schedules.ts'
import { settleJob, type Outcome } from './settle.ts'
import { Pause, within } from './pause.ts'

const FLUSH_INTERVAL = 250
const LONGEST_FAILURE_PAUSE = 30_000
/** How long handlers have to end after their signal was aborted, so that no other process starts the job while they still work. */
const ABORT_GRACE = 2_000
const SETTLE_TRIES = 8
const SETTLE_PAUSE = 50

/** What a runner is made of. Durations are in milliseconds. */
export interface QueueRunnerSetup {
  database: Database
  clock: Clock
  random: Random
  log: Logger
  newId(): string
  /** Unique among all runners, living and dead: for instance `<instance>/<process>/<random>`. */
  owner: string
  handlers: JobHandlers
  lanes: LaneSizes
  /**
   * After a crash, other processes take over this long after the last heartbeat; three heartbeats fit into it. Well above
   * the difference between the clocks of the machines.
   */
  leaseDuration: number
  schedules?: readonly Schedule[]
  /** Owners with this prefix are dead when this runner starts; their jobs continue at once. Not for runners that start beside others. */
  deadOwners?: string
  backoff?: Backoff
  /** The longest sleep without a look at the queue. */
  pollInterval?: number
}

/** Runs jobs from the queue until it is drained. */
export interface QueueRunner {
  /** Recovers what crashed processes left, prepares the schedules and begins to run jobs. Rejects when the database is away. */
  start(): Promise<void>
  /** Looks for due jobs now instead of at the next poll. */
  wake(): void
  /**
   * Claims nothing more and waits for running jobs at most `timeout` milliseconds; the rest is aborted and goes back to the
   * queue without having lost a try. Afterwards the runner has no timers and uses the database no more. Never rejects.
   */
  drain(timeout: number): Promise<void>
  /** Drains without waiting for running jobs; also cuts short a drain that is under way. */
  stop(): Promise<void>
}

/** Creates a runner that does nothing before `start`. Throws when a schedule is malformed. */
export function createQueueRunner(setup: QueueRunnerSetup): QueueRunner {
  return new Runner(setup)
}

class Runner implements QueueRunner {
  readonly #setup: QueueRunnerSetup
  readonly #scheduler: Scheduler
  readonly #kinds: readonly string[]
  readonly #backoff: Backoff
  readonly #pollInterval: number
  readonly #active = new Set<Execution>()
  readonly #slots: LaneSlots
  readonly #pause = new Pause()
  readonly #hurry = Promise.withResolvers<void>()
  readonly #timers: ReturnType<typeof setInterval>[] = []
  #writing: Promise<void> = Promise.resolve()
  #isBeating = false
  #unsubscribe: () => void = () => {}
  #loop: Promise<void> = Promise.resolve()
  #drained: Promise<void> | null = null
  #isStopping = false
  #recoverAt = 0
  #fireAt = 0

  constructor(setup: QueueRunnerSetup) {
    this.#setup = setup
    this.#kinds = Object.keys(setup.handlers)
    this.#backoff = setup.backoff ?? DEFAULT_BACKOFF
    this.#pollInterval = setup.pollInterval ?? 1_000
    this.#slots = new LaneSlots(setup.lanes)
    this.#scheduler = new Scheduler({ ...setup, newId: () => setup.newId(), schedules: setup.schedules ?? [] })
  }

  async start(): Promise<void> {
    const { database, clock, deadOwners, leaseDuration } = this.#setup
    if (deadOwners !== undefined) {
      await releaseOwned(database, deadOwners, clock.now())
    }
    await this.#scheduler.prepare()
    if (this.#isStopping) {
      return
    }
    this.#unsubscribe = database.onJobs(() => this.wake())
    this.#timers.push(
      setInterval(() => void this.#heartbeat(), leaseDuration / 3),
      setInterval(() => void this.#flush(), FLUSH_INTERVAL),
    )
    this.#loop = this.#run()
  }

  wake(): void {
    this.#pause.end()
  }

  drain(timeout: number): Promise<void> {
    this.#drained ??= this.#drain(timeout)
    return this.#drained
  }

  stop(): Promise<void> {
    this.#hurry.resolve()
    return this.drain(0)
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#isStopping) {
      const maintained = await this.#survive(() => this.#maintain())
      const claimed = await this.#survive(() => this.#claimAll())
      failures = maintained === null || claimed === null ? failures + 1 : 0
      const duration = failures === 0 ? claimed : Math.min(LONGEST_FAILURE_PAUSE, this.#pollInterval * 2 ** failures)
      await this.#pause.begin(duration ?? this.#pollInterval)
    }
  }

  async #survive(work: () => Promise<number>): Promise<number | null> {
    try {
      return await work()
    } catch (error) {
      this.#setup.log.error('The job queue could not be worked on.', { error })
      return null
    }
  }

  /** Recovery and schedules, each at its own pace however often the loop is woken. Returns how many jobs became due. */
  async #maintain(): Promise<number> {
    const { database, clock, log, leaseDuration } = this.#setup
    const instant = performance.now()
    let changed = 0
    if (instant >= this.#recoverAt) {
      changed += await recoverExpired(database, clock.now(), new Set(Array.from(this.#active, ({ job }) => job.id)))
      this.#recoverAt = instant + leaseDuration / 2
      if (changed > 0) {
        log.warn('Jobs of a process that ended without notice were taken back.', { jobs: changed })
      }
    }
    if (instant >= this.#fireAt) {
      changed += await this.#scheduler.fireDue()
      this.#fireAt = instant + this.#pollInterval
    }
    if (changed > 0) {
      database.announceJobs()
    }
    return changed
  }

  /** Fills the free slots; returns how long nothing more will be due. */
  async #claimAll(): Promise<number> {
    const { database, clock, owner, leaseDuration } = this.#setup
    let duration = this.#pollInterval
    for (const lane of ['interactive', 'background'] as const) {
      while (!this.#isStopping && this.#slots.isFree(lane)) {
        const filter = { lane, kinds: this.#kinds }
        const runAt = await findNextRunAt(database, filter)
        const now = clock.now()
        if (runAt === null || runAt > now) {
          duration = Math.min(duration, (runAt ?? Infinity) - now)
          break
        }
        const leaseEnds = performance.now() + leaseDuration
        const job = await claimNextJob(database, { ...filter, owner, now, leaseUntil: now + leaseDuration })
        if (job === null) {
          break
        }
        this.#begin(job, leaseEnds)
      }
    }
    return duration
  }

  #begin(job: ClaimedJob, leaseEnds: number): void {
    const report = new ReportBuffer({ clock: this.#setup.clock, logLines: job.logLines, flush: () => this.#flush() })
    const execution: Execution = {
      job,
      report,
      abort: new AbortController(),
      state: 'held',
      interrupted: false,
      leaseEnds,
      ended: Promise.resolve(),
    }
    this.#active.add(execution)
    this.#slots.take(job.lane)
    execution.ended = this.#execute(execution)
  }

  async #execute(execution: Execution): Promise<void> {
    const outcome = await this.#attempt(execution)
    await this.#settle(execution, outcome)
    this.#active.delete(execution)
    this.#slots.give(execution.job.lane)
    if (execution.state !== 'released') {
      this.#setup.database.announceJobs()
      this.wake()
    }
  }

  async #attempt(execution: Execution): Promise<Outcome> {
    try {
      await callHandler(this.#setup.handlers, execution)
      return { kind: 'succeeded' }
    } catch (error) {
      if (execution.interrupted) {
        return { kind: 'returned', runAt: null }
      }
      const { clock, random } = this.#setup
      const outcome = toOutcome(error, execution.job, { now: clock.now(), random, backoff: this.#backoff })
      this.#logFailure(execution, { error, outcome })
      return outcome
    }
  }

  #logFailure(execution: Execution, failure: { error: unknown; outcome: Outcome }): void {
    const { id, kind, attempt } = execution.job
    const log = this.#setup.log.with({ job: id, kind, attempt })
    if (execution.state !== 'held' || failure.outcome.kind === 'returned') {
      log.debug('A job stopped before its end.', { error: failure.error })
    } else if (failure.error instanceof DomainError) {
      log.info('A job failed.', { code: failure.error.code, problem: failure.error.message, next: failure.outcome.kind })
    } else {
      log.error('A job failed unexpectedly.', { error: failure.error, next: failure.outcome.kind })
    }
  }

  /** Writes the outcome with the rest of the report. Tried again, since a busy or restarting database forgives. */
  async #settle(execution: Execution, outcome: Outcome): Promise<void> {
    const { job } = execution
    const log = this.#setup.log.with({ job: job.id, kind: job.kind })
    for (let attempt = 1; execution.state === 'held'; attempt += 1) {
      try {
        await this.#serially(() => this.#trySettle(execution, outcome))
        return
      } catch (error) {
        if (attempt === SETTLE_TRIES) {
          log.error('The end of a job could not be recorded; it will run again.', { error })
          return
        }
        await Bun.sleep(SETTLE_PAUSE * 2 ** attempt)
      }
    }
  }

  async #trySettle(execution: Execution, outcome: Outcome): Promise<void> {
    const { database, clock } = this.#setup
    const wasHeld = await database.write.transaction().execute(async (db) => {
      await writeReports(db, [execution])
      return settleJob(db, execution.job, { outcome, now: clock.now() })
    })
    if (wasHeld) {
      // At once: the next heartbeat would otherwise miss the row and take the job for lost.
      execution.state = 'settled'
    } else {
      loseJob(execution, this.#setup.log)
    }
  }

  async #heartbeat(): Promise<void> {
    const { database, clock, log, leaseDuration } = this.#setup
    if (this.#isBeating) {
      // The database has not answered the last one: nobody can tell us that a lease is lost, except the time.
      loseOverdue(this.#held(), log)
      return
    }
    this.#isBeating = true
    await this.#serially(() => extendLeases(database, this.#held(), { clock, log, leaseDuration }))
    this.#isBeating = false
  }

  /** Writes what the jobs have reported. A failure keeps it for the next time. */
  async #flush(): Promise<void> {
    if (this.#held().some(({ report }) => report.isPending)) {
      await this.#serially(() => this.#writeReports())
    }
  }

  async #writeReports(): Promise<void> {
    const { database, log } = this.#setup
    const reporting = this.#held().filter(({ report }) => report.isPending)
    if (reporting.length === 0) {
      return
    }
    try {
      const written = await database.write.transaction().execute((db) => writeReports(db, reporting))
      for (const { source, report } of written) {
        if (report === null) {
          loseJob(source, log)
        } else {
          source.report.confirm(report)
        }
      }
    } catch (error) {
      log.warn('The progress of jobs could not be written.', { error })
    }
  }

  #held(): Execution[] {
    return [...this.#active].filter((execution) => execution.state === 'held')
  }

  #serially(work: () => Promise<void>): Promise<void> {
    const result = this.#writing.then(work)
    this.#writing = result.catch(() => {})
    return result
  }

  async #drain(timeout: number): Promise<void> {
    this.#isStopping = true
    this.#unsubscribe()
    this.wake()
    await this.#loop
    await within(timeout, Promise.race([this.#allEnded(), this.#hurry.promise]))
    for (const execution of this.#active) {
      execution.interrupted = true
      execution.abort.abort(new DomainError('shutting_down'))
    }
    await within(ABORT_GRACE, this.#allEnded())
    await Promise.all(this.#held().map((execution) => this.#release(execution)))
    for (const timer of this.#timers) {
      clearInterval(timer)
    }
    await this.#writing
  }

  /** Gives back a job whose handler does not stop; what it still does is not recorded. */
  async #release(execution: Execution): Promise<void> {
    await this.#settle(execution, { kind: 'returned', runAt: null })
    execution.state = 'released'
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#active].map((execution) => execution.ended))
  }
}
