import type { Blobs } from '../../core/kernel/ports.ts'

/** A store of blobs as an installation runs it. */
export interface BlobStore extends Blobs {
  /** Removes what crashed processes left half-written more than an hour ago. Returns how many files that were. */
  sweep(): Promise<number>
  /** Why blobs cannot be had now, in words without secrets, or null when they can. Takes seconds at most. */
  findProblem(): Promise<string | null>
}
