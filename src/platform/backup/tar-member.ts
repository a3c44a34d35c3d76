/**
 * The container of backups is a tar file (POSIX.1-2017, "ustar Interchange Format") of plain files. Every program can list it; we read only
 * headers that we would have written ourselves, byte by byte, so that a crafted file has no room for links, paths or second meanings.
 */

/** Everything in a tar file comes in blocks of this many bytes. */
export const TAR_BLOCK = 512

/** What ends a tar file. */
export const TAR_END = new Uint8Array(2 * TAR_BLOCK)

const LARGEST_OCTAL = 0o77777777777
const NAME = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/
const NAME_LENGTH = 100

/** Whether a member of a backup can have this name: a relative path of lower-case words without `..`, at most 100 bytes. */
export function isMemberName(name: string): boolean {
  return name.length <= NAME_LENGTH && NAME.test(name) && !name.includes('..')
}

/** The header of a file of mode 0600 without owner and time. Throws for a name that no member has. */
export function tarHeader(name: string, size: number): Uint8Array {
  if (!isMemberName(name)) {
    throw new RangeError(`"${name}" is no name of a member of a backup.`)
  }
  const header = Buffer.alloc(TAR_BLOCK)
  header.write(name, 0, 'latin1')
  header.write('0000600\0', 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  writeSize(header, size)
  header.write('00000000000\0', 136, 'latin1')
  header.write('        ', 148, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** The name and size in a header, or null unless it is exactly what `tarHeader` makes of them. */
export function readTarHeader(block: Uint8Array): { name: string; size: number } | null {
  const header = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const name = header.subarray(0, NAME_LENGTH).toString('latin1').replace(/\0+$/, '')
  const size = readSize(header.subarray(124, 136))
  if (size === null || !isMemberName(name) || !header.equals(tarHeader(name, size))) {
    return null
  }
  return { name, size }
}

/** How many zero bytes follow the content of a member. */
export function tarPadding(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK
}

/** Eleven octal digits, or for 8 GiB and more a binary number behind a byte 0x80, as GNU tar and bsdtar write it. */
function writeSize(header: Buffer, size: number): void {
  if (size <= LARGEST_OCTAL) {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
    return
  }
  header[124] = 0x80
  header.writeBigUInt64BE(BigInt(size), 128)
}

function readSize(field: Buffer): number | null {
  if (field[0] === 0x80) {
    const size = Number(field.readBigUInt64BE(4))
    return Number.isSafeInteger(size) ? size : null
  }
  const text = field.toString('latin1')
  return /^[0-7]{11}\0$/.test(text) ? Number.parseInt(text, 8) : null
}
