import { createHash } from 'node:crypto'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Blobs, Clock } from '../../core/kernel/ports.ts'
import { isObjectName } from './paths.ts'

/** Blobs for tests, with the same behaviour as the ones on disk, and switches for the bad days. */
export interface MemoryBlobs extends Blobs {
  /** From now on `put` and `remove` throw `storage_unavailable` with this problem; null ends it. */
  refuseWrites(problem: string | null): void
  /** Changes a byte of a stored blob, as a failing disk does. */
  damage(sha256: string): void
}

/** An empty store in memory. */
export function createMemoryBlobs({ clock }: { clock: Clock }): MemoryBlobs {
  const stored = new Map<string, { bytes: Uint8Array; storedAt: number }>()
  let refusal: string | null = null

  function requireWritable(): void {
    if (refusal !== null) throw new DomainError('storage_unavailable', { problem: refusal })
  }

  function find(sha256: string): { bytes: Uint8Array; storedAt: number } | null {
    if (!isObjectName(sha256)) throw new RangeError('A blob is named by a SHA-256 in lower-case hexadecimal.')
    return stored.get(sha256) ?? null
  }

  return {
    async put(content) {
      requireWritable()
      const chunks: Uint8Array[] = []
      for await (const chunk of content) chunks.push(chunk.slice())
      requireWritable()
      const bytes = new Uint8Array(Buffer.concat(chunks))
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      stored.set(sha256, { bytes, storedAt: clock.now() })
      return { sha256, sha1: createHash('sha1').update(bytes).digest('hex'), size: bytes.length }
    },
    async locate(sha256) {
      const blob = find(sha256)
      return blob === null ? null : { kind: 'bytes', bytes: blob.bytes }
    },
    async verify(sha256) {
      const blob = find(sha256)
      if (blob === null) return 'missing'
      return createHash('sha256').update(blob.bytes).digest('hex') === sha256 ? 'intact' : 'damaged'
    },
    async remove(sha256) {
      find(sha256)
      requireWritable()
      stored.delete(sha256)
    },
    async *list() {
      for (const [sha256, { storedAt }] of [...stored]) yield { sha256, storedAt }
    },
    refuseWrites(problem) {
      refusal = problem
    },
    damage(sha256) {
      const blob = find(sha256)
      if (blob === null || blob.bytes.length === 0) throw new Error(`There is no blob ${sha256} to damage.`)
      blob.bytes[0] = (blob.bytes[0] ?? 0) ^ 1
    },
  }
}
