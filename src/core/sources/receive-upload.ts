import { readArchive, type ArchiveFormat, type ArchiveRefusal } from '../../composer/index.ts'
import type { Ctx, Limits } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { StagedBlob } from '../kernel/ports.ts'

/** An upload that arrived completely and was read; its bytes are not stored yet. */
export interface ReceivedUpload {
  staged: StagedBlob
  format: ArchiveFormat
  /** The bytes of its composer.json. */
  manifest: Uint8Array
}

/** Bytes that arrive, what is known of them beforehand, and what they are judged by; see `ArchiveLimits`. */
export interface ReceiveUpload {
  content: AsyncIterable<Uint8Array>
  sha256: string | null
  sha1?: string | null
  manifest?: 'required' | 'optional'
  rules?: 'upload' | 'integrity'
}

const SHA256 = /^[0-9a-f]{64}$/

/**
 * The first steps of the publish pipeline for uploads: receives the bytes within limits, compares them with the checksum if one was announced,
 * and reads the archive. Nothing is left of an upload that was cut off or refused. The caller ends what it gets. Throws
 * `archive_too_large`, `checksum_mismatch`, `archive_differs`, `archive_refused`, `storage_unavailable`, and whatever `content` throws.
 */
export async function receiveUpload(ctx: Ctx, input: ReceiveUpload): Promise<ReceivedUpload> {
  const expected = input.sha256?.toLowerCase() ?? null
  if (expected !== null && !SHA256.test(expected)) {
    throw invalidInput('sha256', 'give 64 hexadecimal digits')
  }
  // Files are compressed or have headers of some hundred bytes each, so no useful archive is larger than the limit on its content.
  const staged = await ctx.blobs.stage(limited(input.content, ctx.limits.archiveBytes))
  try {
    if (expected !== null && staged.sha256 !== expected) {
      throw new DomainError('checksum_mismatch', { found: staged.sha256, expected })
    }
    const { sha1 = null, manifest = 'required', rules = 'upload' } = input
    if (sha1 !== null && staged.sha1 !== sha1) {
      throw new DomainError('archive_differs', { found: staged.sha1, expected: sha1 })
    }
    const { archiveEntries, archiveBytes, manifestBytes } = ctx.limits
    const judged = rules === 'integrity' && sha1 !== null ? 'names' : rules
    const limits = { entries: archiveEntries, bytes: archiveBytes, manifestBytes, manifest, rules: judged } as const
    const read = await readArchive(staged, limits)
    if (!read.ok) {
      throw toError(read.refusal, ctx.limits)
    }
    return { staged, format: read.archive.format, manifest: read.archive.manifest }
  } catch (error) {
    await staged.discard()
    throw error
  }
}

async function* limited(content: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0
  for await (const chunk of content) {
    size += chunk.length
    if (size > limit) {
      throw new DomainError('archive_too_large', { limit: `${limit} bytes` })
    }
    yield chunk
  }
}

function toError({ rule, problem }: ArchiveRefusal, limits: Limits): DomainError {
  switch (rule) {
    case 'too_many_entries':
      return new DomainError('archive_too_large', { limit: `${limits.archiveEntries} entries` })
    case 'too_large':
      return new DomainError('archive_too_large', { limit: `${limits.archiveBytes} bytes before compression` })
    default:
      return new DomainError('archive_refused', { rule, problem })
  }
}
