import { createRunner } from '../app.ts'
import type { Job } from '../core/jobs/index.ts'
import type { Session } from './session.ts'

const LOCK_INTERVAL = 1_000
/** How long a job on a shared database may wait for a worker before this process does it. */
const PATIENCE = 5_000
const DRAIN_TIMEOUT = 10_000
const LANES = { interactive: 1, background: 2 }

type Runner = ReturnType<typeof createRunner>

/**
 * Does the work that nobody else would do. On the embedded database, whoever has the lock of the data directory works: a
 * server, or this process for as long as it waits for a job. On a shared database a job that no worker claims for five seconds is
 * worked on here.
 */
export class LocalWorker {
  readonly #session: Session
  #runner: Runner | null = null
  #lock: { release(): void } | null = null
  #nextTry = 0
  #unclaimedSince: number | null = null

  constructor(session: Session) {
    this.#session = session
  }

  get isWorking(): boolean {
    return this.#runner !== null
  }

  /** Starts to work when nobody else does; called again and again while the job has not ended. */
  async consider(job: Job): Promise<void> {
    if (this.#runner !== null) {
      return
    }
    if (this.#session.config.databaseUrl !== null) {
      if (this.#isUnclaimed(job)) {
        await this.#start({})
      }
      return
    }
    if (performance.now() < this.#nextTry) {
      return
    }
    this.#nextTry = performance.now() + LOCK_INTERVAL
    this.#lock = this.#session.io.tryLockData(this.#session.config.dataDirectory)
    if (this.#lock !== null) {
      // With the lock in our hands every job that counts as running belongs to a process that is gone.
      await this.#start({ deadOwners: '' })
    }
  }

  /** Stops: running jobs get a while to end, or none at all; what does not end goes back to the queue. */
  async end(how: 'drain' | 'stop'): Promise<void> {
    await (how === 'stop' ? this.#runner?.stop() : this.#runner?.drain(DRAIN_TIMEOUT))
    this.#runner = null
    this.#lock?.release()
    this.#lock = null
  }

  #isUnclaimed(job: Job): boolean {
    if (job.state !== 'queued' || job.runAt > Date.now()) {
      this.#unclaimedSince = null
      return false
    }
    this.#unclaimedSince ??= performance.now()
    return performance.now() - this.#unclaimedSince >= PATIENCE
  }

  async #start(recovery: { deadOwners?: string }): Promise<void> {
    const { ports, owner } = await this.#session.open()
    this.#runner = createRunner(ports, { owner, lanes: LANES, schedules: [], ...recovery })
    await this.#runner.start()
  }
}
