import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/*
 * All refs of a mirror are in the one file `packed-refs`, which is replaced as a whole: a reader sees the refs
 * before a fetch or after it, a crash leaves one of the two, a branch `a` may give way to a branch `a/b`, 100,000
 * tags are one file, and no name is too long for the file system. Names are kept as latin1 text, one character per
 * byte, so that their order is git's and no byte is lost.
 */

/** Full ref name (one character per byte) → object id. */
export type Refs = Map<string, string>

/** Holds the commits that refs pointed to once. */
export const KEEP_PREFIX = 'refs/repertoire/keep/'
/** Followed by the name of the branch that the remote's HEAD names; in the refs so that it changes together with them. */
export const HEAD_PREFIX = 'refs/repertoire/head/'
/** The commit of a detached HEAD. */
export const DETACHED_HEAD = 'refs/repertoire/detached'

/** Reads the refs of a mirror; none when the file is absent. */
export async function readPackedRefs(directory: string): Promise<Refs> {
  const refs: Refs = new Map()
  const text = await readFile(join(directory, 'packed-refs'), 'latin1').catch((error: { code?: string }) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{40}) (.+)$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) refs.set(match[2], match[1])
  }
  return refs
}

/** Replaces the refs of a mirror; when it returns they survive a crash. */
export async function writePackedRefs(directory: string, refs: Refs): Promise<void> {
  const lines = ['# pack-refs with: sorted ']
  for (const name of [...refs.keys()].toSorted(compareBytes)) lines.push(`${refs.get(name)} ${name}`)
  const path = join(directory, 'packed-refs')
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(`${lines.join('\n')}\n`, 'latin1')
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await syncDirectory(directory)
}

/** Makes renames within a directory survive a crash. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Byte order of latin1 texts. */
export function compareBytes(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
