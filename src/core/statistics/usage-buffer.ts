/**
 * What requests leave behind without writing: downloads, installs and the last use of tokens, added up in memory and
 * folded into the database from time to time. Bounded: when too much is waiting, further distinct entries are dropped and
 * the drop is logged, because an answer must never wait for a counter. A crash loses what was not folded yet, a few seconds' worth.
 *
 * Rows are written in one order by everybody, so that two processes that fold at once cannot wait for each other in a circle.
 */
import { touchToken } from '../access/index.ts'
import type { Logger } from '../kernel/ports.ts'
import type { Db } from '../kernel/schema.ts'
import type { Instant, PackageId, TokenId } from '../kernel/values.ts'
import { addCounts, type Count } from './counts.sql.ts'

const MAX_ENTRIES = 50_000
/** The last use of a token is known to the minute. */
const TOKEN_RESOLUTION = 60_000

/** Collects usage and folds it. One per process. */
export class UsageBuffer {
  readonly #log: Logger
  #counts = new Map<string, Count>()
  #tokens = new Map<TokenId, Instant>()
  readonly #written = new Map<TokenId, Instant>()
  #dropped = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** Counts one download or install of a version. */
  count(input: { package: PackageId; version: string; kind: Count['kind']; at: Instant }): void {
    const day = new Date(input.at).toISOString().slice(0, 10)
    const key = `${input.package} ${input.version} ${day} ${input.kind}`
    const known = this.#counts.get(key)
    if (known !== undefined) {
      known.count += 1
    } else if (this.#counts.size < MAX_ENTRIES) {
      this.#counts.set(key, { package: input.package, version: input.version, day, kind: input.kind, count: 1 })
    } else {
      this.#dropped += 1
    }
  }

  /** Notes that a token was used. */
  use(token: TokenId, at: Instant): void {
    if ((this.#written.get(token) ?? 0) + TOKEN_RESOLUTION <= at && this.#tokens.size < MAX_ENTRIES) {
      this.#tokens.set(token, at)
    }
  }

  /** Writes what has gathered in one transaction. When that fails everything is kept for the next time. */
  async fold(db: Db): Promise<void> {
    const counts = this.#counts
    const tokens = this.#tokens
    if (counts.size === 0 && tokens.size === 0) {
      return
    }
    this.#counts = new Map()
    this.#tokens = new Map()
    try {
      await db.transaction().execute(async (tx) => {
        const sorted = [...counts].sort(([left], [right]) => (left < right ? -1 : 1))
        await addCounts(
          tx,
          sorted.map(([, count]) => count),
        )
        for (const [token, at] of [...tokens].sort(([left], [right]) => left - right)) {
          await touchToken(tx, token, at)
        }
      })
      this.#remember(tokens)
    } catch (error) {
      this.#restore(counts, tokens)
      throw error
    }
    if (this.#dropped > 0) {
      this.#log.warn('Downloads were not counted because too many different ones were waiting.', { dropped: this.#dropped })
      this.#dropped = 0
    }
  }

  #remember(tokens: ReadonlyMap<TokenId, Instant>): void {
    if (this.#written.size > MAX_ENTRIES) {
      this.#written.clear()
    }
    for (const [token, at] of tokens) {
      this.#written.set(token, at)
    }
  }

  #restore(counts: ReadonlyMap<string, Count>, tokens: ReadonlyMap<TokenId, Instant>): void {
    for (const [key, count] of counts) {
      const newer = this.#counts.get(key)
      if (newer !== undefined) {
        newer.count += count.count
      } else if (this.#counts.size < MAX_ENTRIES) {
        this.#counts.set(key, count)
      } else {
        this.#dropped += count.count
      }
    }
    for (const [token, at] of tokens) {
      if (this.#tokens.has(token) || this.#tokens.size < MAX_ENTRIES) {
        this.#tokens.set(token, Math.max(at, this.#tokens.get(token) ?? 0))
      }
    }
  }
}
