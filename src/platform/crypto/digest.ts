import { createHash, timingSafeEqual } from 'node:crypto'

/** SHA-256 in lower-case hexadecimal; texts are taken as UTF-8. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/**
 * Whether two hexadecimal texts mean the same bytes, in a time that tells nothing about where they differ. Texts that are
 * not hexadecimal or of another length are never equal.
 */
export function constantTimeEqualHex(left: string, right: string): boolean {
  if (left.length !== right.length || !isHex(left) || !isHex(right)) return false
  return timingSafeEqual(Buffer.from(left, 'hex'), Buffer.from(right, 'hex'))
}

function isHex(text: string): boolean {
  return text.length % 2 === 0 && /^[0-9a-f]+$/i.test(text)
}
