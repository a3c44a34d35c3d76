/**
 * Why git would not take a full ref name (one character per byte), or null; the rules of git-check-ref-format(1).
 * A server may send any bytes, also such as would break the file that holds the refs.
 */
export function findRefNameFault(name: string): string | null {
  if (/[\u0000-\u0020\u007f]/.test(name)) return 'the name has white space or control characters'
  if (/[~^:?*[\\]/.test(name)) return 'the name has one of ~ ^ : ? * [ \\'
  if (name.includes('..')) return 'the name contains ".."'
  if (name.includes('@{')) return 'the name contains "@{"'
  if (name.endsWith('.')) return 'the name ends in a dot'
  for (const part of name.split('/')) {
    if (part === '') return 'the name has an empty part'
    if (part.startsWith('.')) return 'a part of the name starts with a dot'
    if (part.endsWith('.lock')) return 'a part of the name ends in ".lock"'
  }
  return null
}

/** UTF-8 text for a name kept as bytes; bytes that are not UTF-8 are written as `\xNN`. */
export function toReadableName(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  const whole = decodeUtf8(bytes)
  if (whole !== null) return whole
  let text = ''
  for (let index = 0; index < bytes.length;) {
    const length = sequenceLength(bytes, index)
    if (length === 0) text += `\\x${(bytes[index] ?? 0).toString(16).padStart(2, '0')}`
    else text += bytes.toString('utf8', index, index + length)
    index += Math.max(length, 1)
  }
  return text
}

/** The text of UTF-8 bytes, or null when they are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

function sequenceLength(bytes: Buffer, start: number): number {
  for (let length = 1; length <= 4 && start + length <= bytes.length; length += 1) {
    if (decodeUtf8(bytes.subarray(start, start + length)) !== null) return length
  }
  return 0
}
