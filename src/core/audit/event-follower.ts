/**
 * Reading events as they are committed, in every process for itself. Ids are given before transactions commit, so on a database server an event
 * may appear after one with a higher id. The ids that were passed over are therefore remembered for a while and asked for again; most of them
 * belong to transactions that were rolled back.
 */
import type { DomainEvent } from '../kernel/events.ts'
import type { Db } from '../kernel/schema.ts'
import type { EventId, Instant } from '../kernel/values.ts'
import { findNewestEvent, type EventRow } from './events.sql.ts'
import { selectFollowedEvents } from './followed-events.sql.ts'

/** A stored event as its readers know it. */
export type FollowedEvent = DomainEvent & { at: Instant }

/** How long an id that was passed over is looked for, in milliseconds. */
const LATE = 10_000
const MOST_MISSING = 500
const BATCH = 500

/** Reads all events of the installation from the moment of `start` on, each once. For one reader at a time. */
export class EventFollower {
  readonly #db: Db
  #after: EventId | null = null
  /** Ids that were passed over, with the moment until which they are looked for. */
  readonly #missing = new Map<EventId, Instant>()

  constructor(db: Db) {
    this.#db = db
  }

  /** Forgets everything; what was committed before this moment is not read. */
  async start(): Promise<void> {
    this.#missing.clear()
    this.#after = (await findNewestEvent(this.#db, null)) ?? (0 as EventId)
  }

  /** What was committed since the last call, at most some hundreds, so that a caller asks again when it got many. Requires `start`. */
  async read(now: Instant): Promise<FollowedEvent[]> {
    if (this.#after === null) {
      throw new Error('The follower was not started.')
    }
    const rows = await selectFollowedEvents(this.#db, { after: this.#after, missing: [...this.#missing.keys()], limit: BATCH })
    for (const { id } of rows) {
      this.#pass(id, now)
    }
    for (const [id, until] of this.#missing) {
      if (until <= now) {
        this.#missing.delete(id)
      }
    }
    return rows.map(toFollowed)
  }

  #pass(id: EventId, now: Instant): void {
    const after = this.#after ?? id
    if (id <= after) {
      this.#missing.delete(id)
      return
    }
    const first = Math.max(after + 1, id - MOST_MISSING)
    for (let missing = first; missing < id && this.#missing.size < MOST_MISSING; missing += 1) {
      this.#missing.set(missing as EventId, (now + LATE) as Instant)
    }
    this.#after = id
  }
}

function toFollowed({ type, organization_id: organization, data, created_at: at }: EventRow): FollowedEvent {
  return { ...(JSON.parse(data) as object), type, organization, at } as FollowedEvent
}
