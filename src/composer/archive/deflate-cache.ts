import type { PackedContent } from './pack-content.ts'

/**
 * Keeps packed content by git object id, so that the archives of consecutive tags, which share nearly all files, cost
 * little. A hit gives the same bytes as packing anew; losing an entry costs time only.
 */
export interface DeflateCache {
  /** The packed content of a git blob, or null when it has to be packed. */
  find(objectId: string): PackedContent | null
  /** Remembers packed content; the longest unused ones make room for it. */
  keep(objectId: string, content: PackedContent): void
}

/** What an entry takes beside its bytes, roughly: the key, the object and the slot. */
const ENTRY_OVERHEAD = 200

/** One content may take this part of the cache, so that a single large file does not push everything else out. */
const LARGEST_SHARE = 1 / 8

/** A cache that holds at most `limit` bytes in memory and forgets the longest unused content first. */
export function createDeflateCache(limit: number): DeflateCache {
  const contents = new Map<string, PackedContent>()
  let used = 0

  function forget(objectId: string, content: PackedContent): void {
    contents.delete(objectId)
    used -= content.bytes.length + ENTRY_OVERHEAD
  }

  return {
    find(objectId) {
      const content = contents.get(objectId)
      if (content === undefined) return null
      contents.delete(objectId)
      contents.set(objectId, content)
      return content
    },

    keep(objectId, content) {
      const cost = content.bytes.length + ENTRY_OVERHEAD
      if (cost > limit * LARGEST_SHARE || contents.has(objectId)) return
      contents.set(objectId, content)
      used += cost
      for (const [oldest, old] of contents) {
        if (used <= limit) return
        forget(oldest, old)
      }
    },
  }
}
