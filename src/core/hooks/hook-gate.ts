import type { Instant } from '../kernel/values.ts'

const WINDOW = 60_000
/** Deliveries of one sender to one hook within a window. Hosts send one for a push, whatever is in it. */
const DELIVERIES = 600
/** Refusals after which a sender is not heard any more within a window: checking proofs costs a hash over the body. */
const REFUSALS = 20
/** Senders counted by themselves; more share one count, so that memory stays bounded. */
const MAX_SENDERS = 10_000

interface Count {
  deliveries: number
  refusals: number
}

/**
 * Counts deliveries per hook and sender in fixed windows of a minute, in the memory of one process: the cheapest possible
 * answer to a burst. One sender's burst takes nothing from another, so nobody can silence a hook without its host's address.
 */
export class HookGate {
  #windowEnd = 0
  #counts = new Map<string, Count>()

  /** Counts a delivery. Null when it may go on, else the seconds until the next window. */
  admit(sender: string, now: Instant): number | null {
    const count = this.#countOf(sender, now)
    if (count.deliveries >= DELIVERIES || count.refusals >= REFUSALS) {
      return Math.ceil((this.#windowEnd - now) / 1000)
    }
    count.deliveries += 1
    return null
  }

  /** Counts a refusal of a delivery that was admitted. */
  refuse(sender: string, now: Instant): void {
    this.#countOf(sender, now).refusals += 1
  }

  #countOf(sender: string, now: Instant): Count {
    if (now >= this.#windowEnd || now < this.#windowEnd - WINDOW) {
      this.#windowEnd = now + WINDOW
      this.#counts = new Map()
    }
    const key = this.#counts.has(sender) || this.#counts.size < MAX_SENDERS ? sender : ''
    const known = this.#counts.get(key)
    if (known !== undefined) {
      return known
    }
    const count = { deliveries: 0, refusals: 0 }
    this.#counts.set(key, count)
    return count
  }
}
