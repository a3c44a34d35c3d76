import { ArchiveRefused } from './archive-refusal.ts'

/** A header block of a tar file (POSIX.1-2017 pax, "ustar Interchange Format"; GNU's variant has no prefix). Size in bytes. */
export interface TarHeader {
  name: string
  type: string
  linkName: string
  size: number
}

/** Everything in a tar file comes in blocks of this many bytes. */
export const TAR_BLOCK = 512

/** Whether a block is all zeros, as the end of an archive is. */
export function isZeroBlock(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0)
}

/** Whether a block is a header: its checksum is right, as unsigned or, from old programs, as signed bytes. */
export function isTarHeader(block: Uint8Array): boolean {
  if (block.length < TAR_BLOCK) return false
  const stored = readOctal(block.subarray(148, 156))
  let unsigned = 0
  let signed = 0
  for (const [index, byte] of block.entries()) {
    const counted = index >= 148 && index < 156 ? 0x20 : byte
    unsigned += counted
    signed += counted > 127 ? counted - 256 : counted
  }
  return stored !== null && (stored === unsigned || stored === signed)
}

/** Reads a block for which `isTarHeader` is true. Throws `ArchiveRefused` for sizes and names that cannot be read. */
export function readTarHeader(block: Uint8Array): TarHeader {
  const magic = Buffer.from(block.subarray(257, 263)).toString('latin1')
  const prefix = magic === 'ustar\0' ? readText(block.subarray(345, 500)) : ''
  const ownName = readText(block.subarray(0, 100))
  const name = prefix === '' ? ownName : `${prefix}/${ownName}`
  const size = readSize(block.subarray(124, 136))
  if (size === null) throw new ArchiveRefused('damaged', 'the size of this entry cannot be read', name)
  return { name, type: String.fromCharCode(block[156] ?? 0), linkName: readText(block.subarray(157, 257)), size }
}

/** Text up to the first NUL. Throws `ArchiveRefused` unless it is UTF-8. */
export function readText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  const text = end < 0 ? bytes : bytes.subarray(0, end)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)
  } catch {
    throw new ArchiveRefused('name_encoding', 'a name in the archive is not UTF-8', Buffer.from(text).toString('latin1'))
  }
}

/** Sizes are octal, or in GNU's form a big-endian number behind a byte 0x80. */
function readSize(field: Uint8Array): number | null {
  if ((field[0] ?? 0) < 0x80) return readOctal(field)
  if (field[0] !== 0x80 || field.subarray(1, 5).some((byte) => byte !== 0)) return null
  const size = Number(Buffer.from(field).readBigUInt64BE(4))
  return Number.isSafeInteger(size) ? size : null
}

function readOctal(field: Uint8Array): number | null {
  const text = Buffer.from(field)
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .replace(/^ +/, '')
  return /^[0-7]{0,12}$/.test(text) ? Number.parseInt(text || '0', 8) : null
}
