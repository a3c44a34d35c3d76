/** JSON documents that are compressed once, when they are rendered, and sent many times. */

/** A document in the codings that clients ask for. `length` is that of the plain text in bytes, `hash` its SHA-256. */
export interface CodedDocument {
  gzip: Uint8Array
  zstd: Uint8Array
  length: number
  hash: string
}

/** How a client wants JSON to be coded. */
export type Coding = 'zstd' | 'gzip' | 'identity'

/** Longer documents are not unpacked for those who asked for no coding. */
const MAX_PLAIN = 64 * 1024 * 1024

/** The best coding that an `Accept-Encoding` header allows. */
export function chooseCoding(accepted: string | null): Coding {
  if (accepted === null) {
    return 'identity'
  }
  if (/\bzstd\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted)) {
    return 'zstd'
  }
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted) ? 'gzip' : 'identity'
}

/** What goes out of a document for one coding. */
export interface Representation {
  body: Uint8Array
  /** Strong; each coding is a representation of its own (RFC 9110 §8.8.3). */
  etag: string
  /** `ETag` and, unless the text goes out as it is, `Content-Encoding`. */
  headers: Readonly<Record<string, string>>
}

/** A document as a client gets it who asked for this coding. */
export function represent(document: CodedDocument, wanted: Coding): Representation {
  const coding = wanted === 'identity' && document.length > MAX_PLAIN ? 'gzip' : wanted
  const suffix = coding === 'identity' ? '' : `-${coding}`
  const etag = `"${document.hash.slice(0, 32)}${suffix}"`
  return {
    body: encode(document, coding),
    etag,
    headers: { ETag: etag, ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }) },
  }
}

function encode(document: CodedDocument, coding: Coding): Uint8Array {
  switch (coding) {
    case 'zstd':
      return document.zstd
    case 'gzip':
      return document.gzip
    case 'identity':
      return Bun.gunzipSync(document.gzip as Uint8Array<ArrayBuffer>)
  }
}
