import { createHash } from 'node:crypto'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Blobs, Clock, StagedBlob } from '../../core/kernel/ports.ts'
import { isObjectName } from './paths.ts'

/** Blobs for tests, with the same behaviour as the ones on disk, and switches for the bad days. */
export interface MemoryBlobs extends Blobs {
  /** From now on `put` and `remove` throw `storage_unavailable` with this problem; null ends it. */
  refuseWrites(problem: string | null): void
  /** How many staged blobs were neither kept nor discarded. */
  countStaged(): number
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

  const open = new Set<StagedBlob>()

  function store(sha256: string, bytes: Uint8Array): void {
    requireWritable()
    stored.set(sha256, { bytes, storedAt: clock.now() })
  }

  async function stage(content: AsyncIterable<Uint8Array>): Promise<StagedBlob> {
    requireWritable()
    const bytes = await collect(content)
    requireWritable()
    return createStagedBlob(bytes, { open, store })
  }

  return {
    stage,
    countStaged: () => open.size,
    async put(content) {
      const staged = await stage(content)
      await staged.keep()
      return { sha256: staged.sha256, sha1: staged.sha1, size: staged.size }
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
    async remove(sha256, storedBefore) {
      const blob = find(sha256)
      requireWritable()
      if (storedBefore === undefined || (blob !== null && blob.storedAt < storedBefore)) stored.delete(sha256)
    },
    async *list() {
      for (const [sha256, { storedAt }] of [...stored]) yield { sha256, storedAt }
    },
    refuseWrites(problem) {
      refusal = problem
    },
    damage: (sha256) => flipBit(find(sha256)?.bytes ?? new Uint8Array()),
  }
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk.slice())
  return new Uint8Array(Buffer.concat(chunks))
}

function createStagedBlob(
  bytes: Uint8Array,
  { open, store }: { open: Set<StagedBlob>; store: (sha256: string, bytes: Uint8Array) => void },
): StagedBlob {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const staged: StagedBlob = {
    sha256,
    sha1: createHash('sha1').update(bytes).digest('hex'),
    size: bytes.length,
    read: async (position, length) => bytes.slice(position, position + length),
    async keep() {
      if (open.delete(staged)) store(sha256, bytes)
    },
    async discard() {
      open.delete(staged)
    },
  }
  open.add(staged)
  return staged
}

function flipBit(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new Error('There is no byte to damage.')
  bytes[0] = (bytes[0] ?? 0) ^ 1
}
