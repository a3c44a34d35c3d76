import type { Ports } from '../app.ts'
import { EventFollower, type FollowedEvent } from '../core/audit/index.ts'

const LOOK_EVERY = 200

/**
 * Reads the events of the installation while somebody wants them: whenever the database says that something may have been committed, in their
 * order, and each batch only when the one before was dealt with. What cannot be read is tried again.
 */
export class EventWatch {
  readonly #ports: Pick<Ports, 'database' | 'clock' | 'log'>
  readonly #follower: EventFollower
  readonly #deal: (events: readonly FollowedEvent[]) => Promise<void>
  #timer: ReturnType<typeof setInterval> | null = null
  #started: Promise<void> | null = null
  #seen: number | null = null
  #isReading = false

  constructor(ports: Pick<Ports, 'database' | 'clock' | 'log'>, deal: (events: readonly FollowedEvent[]) => Promise<void>) {
    this.#ports = ports
    this.#deal = deal
    this.#follower = new EventFollower(ports.database.read)
  }

  /** Resolves when everything that is committed from now on will be read. */
  start(): Promise<void> {
    if (this.#started === null) {
      this.#timer = setInterval(() => void this.#look(), LOOK_EVERY)
      this.#timer.unref()
      this.#seen = null
      this.#started = this.#follower.start()
    }
    return this.#started
  }

  stop(): void {
    if (this.#timer !== null) {
      clearInterval(this.#timer)
    }
    this.#timer = null
    this.#started = null
  }

  async #look(): Promise<void> {
    const { database, clock, log } = this.#ports
    const stamp = database.stamp()
    if (this.#isReading || stamp === this.#seen) {
      return
    }
    this.#isReading = true
    this.#seen = stamp
    try {
      await this.#started
      let events = await this.#follower.read(clock.now())
      while (events.length > 0) {
        await this.#deal(events)
        events = await this.#follower.read(clock.now())
      }
    } catch (error) {
      this.#seen = null
      log.warn('Events could not be read for the realtime channels.', { error })
    } finally {
      this.#isReading = false
    }
  }
}
