/**
 * Whoever may read a package may ask for the archive of any commit, and only a job can find out whether the mirror has it. So that
 * guessed commits cost little, one that the mirror does not have is remembered for a while, and a token that asks for many of
 * them has to wait. Per process, in memory, bounded.
 */
import { DomainError } from '../kernel/errors.ts'
import type { Instant, PackageId, TokenId } from '../kernel/values.ts'

/** How long a commit counts as unknown, in milliseconds; one that is pushed meanwhile is published, and then found. */
const REMEMBERED = 60_000
const WINDOW = 60_000
/** Unknown commits that one token may ask for within a window. */
const MAX_IN_WINDOW = 30
const MAX_ENTRIES = 10_000

/** What is asked for, and by whom; null for others than tokens. */
export interface UnknownReference {
  package: PackageId
  reference: string
  token: TokenId | null
  at: Instant
}

/** Commits that were asked for in vain. One per process. */
export class UnknownReferences {
  readonly #until = new Map<string, Instant>()
  readonly #windows = new Map<TokenId, { since: Instant; count: number }>()

  /** Throws `dist_not_found` for a commit that was unknown a moment ago, and `request_limited` for who asked for too many. */
  requireUntried(asked: UnknownReference): void {
    if ((this.#until.get(keyOf(asked)) ?? 0) > asked.at) {
      throw new DomainError('dist_not_found')
    }
    const window = asked.token === null ? undefined : this.#windows.get(asked.token)
    if (window !== undefined && window.count >= MAX_IN_WINDOW && window.since + WINDOW > asked.at) {
      throw new DomainError('request_limited', { seconds: Math.ceil((window.since + WINDOW - asked.at) / 1000) })
    }
  }

  /** Notes that the mirror has no such commit. */
  note(asked: UnknownReference): void {
    makeRoom(this.#until)
    this.#until.set(keyOf(asked), asked.at + REMEMBERED)
    if (asked.token === null) {
      return
    }
    const window = this.#windows.get(asked.token)
    if (window !== undefined && window.since + WINDOW > asked.at) {
      window.count += 1
      return
    }
    makeRoom(this.#windows)
    this.#windows.set(asked.token, { since: asked.at, count: 1 })
  }
}

function keyOf({ package: id, reference }: UnknownReference): string {
  return `${id} ${reference}`
}

/** Forgets the oldest entries, which come first. */
function makeRoom(entries: Map<unknown, unknown>): void {
  for (const key of entries.keys()) {
    if (entries.size < MAX_ENTRIES) {
      return
    }
    entries.delete(key)
  }
}
