import { join } from 'node:path'

/**
 * Every path of the blob store, relative to its root: `objects/ab/cd/<sha256>` for blobs and `temporary/<name>` for blobs
 * that are being written. An object store uses the first as its keys.
 */

/** The directory of all blobs. */
export const OBJECTS = 'objects'

/** The directory of unfinished blobs; on the same file system, so that a rename publishes them. */
export const TEMPORARY = 'temporary'

/** The path of a blob, and the directories above it from the top down. Throws for what is not a lower-case hex SHA-256. */
export function objectPath(sha256: string): { path: string; directories: [string, string, string] } {
  if (!isObjectName(sha256)) throw new RangeError('A blob is named by a SHA-256 in lower-case hexadecimal.')
  const first = join(OBJECTS, sha256.slice(0, 2))
  const second = join(first, sha256.slice(2, 4))
  return { path: join(second, sha256), directories: [OBJECTS, first, second] }
}

/** Whether a file name is that of a blob. */
export function isObjectName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name)
}

/** Whether a file name is that of a directory between the root of all blobs and a blob. */
export function isFanOutName(name: string): boolean {
  return /^[0-9a-f]{2}$/.test(name)
}
