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
import type { Instant, OrganizationId, PackageId, TokenId } from '../kernel/values.ts'
import { addCounts, type AudienceCount, type Count, type UnknownInstall } from './counts.sql.ts'
import { addUnknownInstalls } from './unknown-installs.sql.ts'

const MAX_ENTRIES = 50_000
/** Names of packages that do not exist; clients choose them, so few are enough. */
const MAX_UNKNOWN = 2_000
const MAX_NAME = 255
/** The last use of a token is known to the minute. */
const TOKEN_RESOLUTION = 60_000

/** Collects usage and folds it. One per process. */
export class UsageBuffer {
  readonly #log: Logger
  #counts = new Map<string, Count>()
  #audiences = new Map<string, AudienceCount>()
  #unknown = new Map<string, UnknownInstall>()
  #tokens = new Map<TokenId, Instant>()
  readonly #written = new Map<TokenId, Instant>()
  #dropped = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** Counts one download or install of a version by an audience (`toUsageAudience`). */
  count(input: { package: PackageId; version: string; kind: Count['kind']; audience: string; at: Instant }): void {
    const day = new Date(input.at).toISOString().slice(0, 10)
    const { package: target, version, kind, audience } = input
    const isCounted = add(this.#counts, `${target} ${version} ${day} ${kind}`, {
      package: target,
      version,
      day,
      kind,
      count: 1,
    })
    add(this.#audiences, `${target} ${day} ${audience} ${kind}`, { package: target, audience, day, kind, count: 1 })
    this.#dropped += isCounted ? 0 : 1
  }

  /** Counts one install of a name that the organization has no package for (PR-119). */
  countUnknown(input: { organization: OrganizationId; name: string; at: Instant }): void {
    const name = input.name.slice(0, MAX_NAME)
    const key = `${input.organization} ${name}`
    if (this.#unknown.has(key) || this.#unknown.size < MAX_UNKNOWN) {
      add(this.#unknown, key, { organization: input.organization, name, count: 1, lastAt: input.at })
    }
  }

  /** Notes that a token was used. */
  use(token: TokenId, at: Instant): void {
    if ((this.#written.get(token) ?? 0) + TOKEN_RESOLUTION <= at && this.#tokens.size < MAX_ENTRIES) {
      this.#tokens.set(token, at)
    }
  }

  /** Notes an answer that went out: the use of the token that it was for, and the download if it was a whole archive. */
  serve(
    { token, download }: { token: TokenId | null; download: { package: PackageId; version: string } | null },
    at: Instant,
  ): void {
    if (token !== null) {
      this.use(token, at)
    }
    if (download !== null) {
      const audience = token === null ? 'anonymous' : `token:${token}`
      this.count({ ...download, kind: 'download', audience, at })
    }
  }

  /** Writes what has gathered in one transaction. When that fails everything is kept for the next time. */
  async fold(db: Db): Promise<void> {
    const counts = this.#counts
    const audiences = this.#audiences
    const unknown = this.#unknown
    const tokens = this.#tokens
    if (counts.size === 0 && tokens.size === 0 && unknown.size === 0) {
      return
    }
    this.#counts = new Map()
    this.#audiences = new Map()
    this.#unknown = new Map()
    this.#tokens = new Map()
    try {
      await db.transaction().execute(async (tx) => {
        await addCounts(tx, inOrder(counts), inOrder(audiences))
        await addUnknownInstalls(tx, inOrder(unknown))
        for (const [token, at] of [...tokens].sort(([left], [right]) => left - right)) {
          await touchToken(tx, token, at)
        }
      })
      this.#remember(tokens)
    } catch (error) {
      this.#dropped += restore(this.#counts, counts)
      restore(this.#audiences, audiences)
      restore(this.#unknown, unknown)
      this.#restoreTokens(tokens)
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

  #restoreTokens(tokens: ReadonlyMap<TokenId, Instant>): void {
    for (const [token, at] of tokens) {
      if (this.#tokens.has(token) || this.#tokens.size < MAX_ENTRIES) {
        this.#tokens.set(token, Math.max(at, this.#tokens.get(token) ?? 0))
      }
    }
  }
}

/** Adds to what is waiting under the same key. False when it is new and too much is waiting already. */
function add<Entry extends { count: number }>(waiting: Map<string, Entry>, key: string, entry: Entry): boolean {
  const known = waiting.get(key)
  if (known !== undefined) {
    known.count += entry.count
    return true
  }
  if (waiting.size >= MAX_ENTRIES) {
    return false
  }
  waiting.set(key, entry)
  return true
}

/** Puts back what could not be written. Returns how much was too much. */
function restore<Entry extends { count: number }>(waiting: Map<string, Entry>, entries: ReadonlyMap<string, Entry>): number {
  let dropped = 0
  for (const [key, entry] of entries) {
    dropped += add(waiting, key, entry) ? 0 : entry.count
  }
  return dropped
}

function inOrder<Entry>(waiting: ReadonlyMap<string, Entry>): Entry[] {
  return [...waiting].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, entry]) => entry)
}
