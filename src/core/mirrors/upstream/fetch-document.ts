import { createHash } from 'node:crypto'
import type { UpstreamFile } from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError, isDomainError } from '../../kernel/errors.ts'
import type { HttpAnswer } from '../../kernel/ports.ts'
import { askUpstream, type UpstreamHost } from './request-upstream.ts'

/** Validators of a file as the upstream sent them, and the SHA-256 of its body; all null for a file that does not exist. */
export interface FileValidators {
  modified: string | null
  etag: string | null
  sha256: string | null
}

/** A file that was fetched: its text, and what to ask for it with the next time. */
export interface FetchedDocument extends FileValidators {
  kind: 'document'
  text: string
}

/** What is asked for. `known` makes the question conditional; `checksum` is what the bytes must have. */
export interface DocumentRequest {
  url: string
  known?: FileValidators | null
  checksum?: UpstreamFile['checksum']
  maxBytes: number
  /** Statuses beyond the usual ones whose body is wanted. */
  accepts?: readonly number[]
}

/** What an upstream's `Last-Modified` and `ETag` may be to be sent back. */
const LONGEST_VALIDATOR = 200

/**
 * Fetches a text from an upstream, compressed where it can be. `absent` is 404 or 410; `unchanged` is 304, or the same bytes as `known` has. Throws
 * `upstream_failed` for everything that is no complete answer, for a wrong checksum and for what is no UTF-8, `upstream_paused`, and
 * `source_too_large` for more than `maxBytes`.
 */
export async function fetchDocument(
  ctx: Ctx,
  mirror: UpstreamHost,
  { url, known = null, checksum = null, maxBytes, accepts = [] }: DocumentRequest,
): Promise<{ kind: 'absent' } | { kind: 'unchanged' } | FetchedDocument> {
  const request = { url, headers: { accept: 'application/json', ...toConditions(known) }, maxBytes, decodes: true, accepts }
  const read = await askUpstream(ctx, mirror, { request, read: readWhole })
  const { hostname } = new URL(url)
  if (read.kind === 'absent') {
    return read
  }
  if (read.kind === 'unchanged') {
    if (known === null) {
      throw new DomainError('upstream_failed', {
        problem: `${hostname} answered 304 to a question without condition`,
        status: 304,
      })
    }
    return read
  }
  const sha256 = digest('sha256', read.bytes)
  if (checksum !== null && digest(checksum.algorithm, read.bytes) !== checksum.hex) {
    throw new DomainError('upstream_failed', {
      problem: `${hostname} sent a file whose ${checksum.algorithm} is not the announced one`,
    })
  }
  if (known !== null && known.sha256 === sha256) {
    return { kind: 'unchanged' }
  }
  return { kind: 'document', text: decode(read.bytes, hostname), modified: read.modified, etag: read.etag, sha256 }
}

/** As `fetchDocument`, for what must be there and of a bounded size: that it is not, or is too large, is a failure as well. */
export async function fetchRequired(
  ctx: Ctx,
  mirror: UpstreamHost,
  request: DocumentRequest,
): Promise<{ kind: 'unchanged' } | FetchedDocument> {
  const { hostname } = new URL(request.url)
  try {
    const fetched = await fetchDocument(ctx, mirror, request)
    if (fetched.kind === 'absent') {
      throw new DomainError('upstream_failed', { problem: `${hostname} does not have ${request.url}`, status: 404 })
    }
    return fetched
  } catch (error) {
    if (isDomainError(error, 'source_too_large')) {
      throw new DomainError('upstream_failed', { problem: `${hostname} sent more than ${String(error.details['limit'])}` }, error)
    }
    throw error
  }
}

/** The failure of a document that was fetched and makes no sense. */
export function unusable(url: string, problem: string): DomainError {
  return new DomainError('upstream_failed', { problem: `${url} cannot be used: ${problem}` })
}

type WholeAnswer =
  | { kind: 'absent' }
  | { kind: 'unchanged' }
  | { kind: 'whole'; bytes: Uint8Array; modified: string | null; etag: string | null }

async function readWhole({ status, headers, body }: HttpAnswer): Promise<WholeAnswer> {
  if (status === 404 || status === 410 || status === 304) {
    await body.return()
    return { kind: status === 304 ? 'unchanged' : 'absent' }
  }
  const bytes = Buffer.concat(await Array.fromAsync(body))
  return { kind: 'whole', bytes, modified: toValidator(headers.get('last-modified')), etag: toValidator(headers.get('etag')) }
}

function toValidator(value: string | null): string | null {
  return value !== null && value.length <= LONGEST_VALIDATOR && /^[\x20-\x7e]+$/.test(value) ? value : null
}

function toConditions(known: FileValidators | null): Record<string, string> {
  return {
    ...(known?.modified ? { 'if-modified-since': known.modified } : {}),
    ...(known?.etag ? { 'if-none-match': known.etag } : {}),
  }
}

function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

function decode(bytes: Uint8Array, hostname: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new DomainError('upstream_failed', { problem: `${hostname} sent a text that is not UTF-8` }, error)
  }
}
