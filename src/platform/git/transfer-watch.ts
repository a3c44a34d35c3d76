import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '../../core/kernel/errors.ts'
import type { FetchLimits } from '../../core/kernel/ports.ts'
import { listPackFiles } from './mirror-store.ts'

type Report = (received: { phase: string; done: number; total: number }) => void

/** Bytes that the list of a remote's refs may have. */
export const MOST_LISTED_BYTES = 64 * 1_048_576

const INTERVAL = 200
/** A remote that sends less than this in each second of the stall time counts as standing still. */
const SLOWEST_BYTES_PER_SECOND = 100
const PROGRESS = /^(remote: )?(Enumerating|Counting|Compressing|Receiving|Resolving) [a-z]+: +(?:\d+% \()?(\d+)(?:\/(\d+)\))?/
const RECEIVING = 'receiving'

/**
 * Holds one transfer to its limits. While the remote is due to act, it must either move bytes or report
 * new progress of its own work within the stall time; bytes are those through the proxy and on disk, objects those
 * that the pack announces before its first byte. The first broken limit kills the process and becomes the error.
 */
export class TransferWatch {
  readonly #limits: FetchLimits
  readonly #startedAt = performance.now()
  readonly #received: () => number
  readonly #report: Report
  #size: (() => Promise<number>) | null = null
  #kill: () => void = () => undefined
  #timer: ReturnType<typeof setInterval> | null = null
  #isChecking = false
  #phase = 'listing'
  #done = 0
  #isRemoteDone = false
  #movedAt = performance.now()
  #movedBytes = 0
  #broken: DomainError | null = null

  constructor(input: { limits: FetchLimits; received: () => number; onProgress: Report }) {
    this.#limits = input.limits
    this.#received = input.received
    this.#report = input.onProgress
  }

  /** Watches a process until `stop`; `size` tells the bytes of the mirror on disk, if it may grow. A process that only lists has a limit of its own. */
  hold(kill: () => void, size: (() => Promise<number>) | null): void {
    this.#kill = kill
    this.#size = size
    this.#isRemoteDone = false
    this.#movedAt = performance.now()
    this.#timer = setInterval(() => void this.#check(), INTERVAL)
  }

  /** Stops watching the process. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Throws the limit that was broken, also one that only the last bytes broke. */
  async requireUnbroken(): Promise<void> {
    if (this.#size !== null && this.#broken === null) this.#requireSize(await this.#size())
    if (this.#broken !== null) throw this.#broken
  }

  /** Takes a line of git's progress. */
  line(text: string): void {
    const match = PROGRESS.exec(text)
    if (match === null) return
    const phase = (match[2] ?? '').toLowerCase()
    const done = Number(match[3])
    const total = Number(match[4] ?? match[3])
    // A server can write any text after "remote: ", so that only git's own lines count for receiving.
    const isOwn = match[1] === undefined
    if (isOwn && phase === RECEIVING && total > this.#limits.objects)
      this.#break('source_too_large', { limit: `${this.#limits.objects} objects` })
    if (isOwn && (phase === 'resolving' || (phase === RECEIVING && done === total))) this.#isRemoteDone = true
    if (phase !== RECEIVING && (phase !== this.#phase || done !== this.#done)) this.#movedAt = performance.now()
    this.#phase = phase
    this.#done = done
    this.#report({ phase, done, total })
  }

  #break(code: 'source_too_large' | 'source_timeout', details: Record<string, string>): void {
    this.#broken ??= new DomainError(code, details)
    this.#kill()
  }

  async #check(): Promise<void> {
    if (this.#isChecking || this.#timer === null) return
    this.#isChecking = true
    const size = this.#size === null ? 0 : await this.#size().catch(() => 0)
    this.#isChecking = false
    if (this.#timer === null) return
    this.#requireSize(Math.max(size, this.#received()))
    this.#requireMotion(size + this.#received())
  }

  #requireSize(bytes: number): void {
    const limit = this.#size === null ? Math.min(MOST_LISTED_BYTES, this.#limits.bytes) : this.#limits.bytes
    if (bytes > limit) this.#break('source_too_large', { limit: `${limit} bytes` })
  }

  #requireMotion(bytes: number): void {
    const now = performance.now()
    if (now - this.#startedAt > this.#limits.duration) {
      this.#break('source_timeout', { problem: `it took longer than ${this.#limits.duration / 1000} s` })
    }
    if (bytes - this.#movedBytes >= (SLOWEST_BYTES_PER_SECOND * this.#limits.stall) / 1000) {
      this.#movedAt = now
      this.#movedBytes = bytes
    }
    if (!this.#isRemoteDone && now - this.#movedAt > this.#limits.stall) {
      this.#break('source_timeout', { problem: `next to nothing arrived in ${this.#limits.stall / 1000} s` })
    }
  }
}

/** The bytes of the packs of a mirror, finished and not; cheap enough to ask several times a second. */
export async function packBytes(directory: string): Promise<number> {
  const packs = join(directory, 'objects', 'pack')
  let total = 0
  for (const name of await listPackFiles(directory)) {
    const found = await stat(join(packs, name)).catch(() => null)
    total += found?.size ?? 0
  }
  return total
}
