import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createInflateRaw } from 'node:zlib'
import { ArchiveRefused } from './archive-refusal.ts'

/**
 * The unpacked bytes of a gzip file (RFC 1952, also of several members) or of one deflated zip entry. Throws `ArchiveRefused` when the
 * data is damaged or cut; failures of `source` pass unchanged. Whoever stops reading ends the source.
 */
export async function* inflateStream(
  kind: 'gzip' | 'raw',
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const inflating: Transform = kind === 'gzip' ? createGunzip() : createInflateRaw()
  // What goes wrong reaches the loop below as an error of the last stream.
  const unpacked: AsyncIterable<Uint8Array> = pipeline(Readable.from(source), inflating, () => {})
  try {
    for await (const chunk of unpacked) yield chunk
  } catch (error) {
    throw isDataError(error) ? new ArchiveRefused('damaged', 'the compressed data is damaged or cut off') : error
  }
}

/** Whether zlib found fault with the data, as against a failure to read it. */
export function isDataError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_')
}
