/** Archives of upstream packages: small ones in memory, large ones made while they are sent. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { buildZip } from './archives.ts'

export interface UpstreamArchive {
  readonly length: number
  readonly sha1: string
  chunks(): Iterable<Uint8Array>
}

/** An archive of given bytes, whatever they are. */
export function archiveOf(bytes: Uint8Array): UpstreamArchive {
  return { length: bytes.length, sha1: createHash('sha1').update(bytes).digest('hex'), chunks: () => [bytes] }
}

/** A zip of these files below one directory, as hosting providers make them. */
export function packageZip(directory: string, files: Readonly<Record<string, string>>): UpstreamArchive {
  return archiveOf(buildZip(Object.entries(files).map(([name, data]) => ({ name: `${directory}/${name}`, data }))))
}

const BLOCK = 256 * 1024

/** A zip with one more file, of about this many stored bytes that do not compress. Only a block of it is ever in memory. */
export function largeZip(directory: string, files: Readonly<Record<string, string>>, bytes: number): UpstreamArchive {
  const block = noise(directory, Math.max(1, Math.min(BLOCK, bytes)))
  const count = Math.max(1, Math.round(bytes / BLOCK))
  const size = count * block.length
  let crc = 0
  for (let index = 0; index < count; index += 1) crc = crc32(block, crc)
  const others = Object.entries(files).map(([name, data]) => ({ name: `${directory}/${name}`, data }))
  const name = `${directory}/data.bin`
  // The archive is built without the large content, and that is put where it belongs: behind its local header, which comes first.
  const offset = 30 + Buffer.byteLength(name)
  const hollow = Buffer.from(
    buildZip([{ name, data: '', method: 0, crc, size, local: { crc, size, packedSize: size } }, ...others]),
  )
  moveEntries(hollow, others.length + 1, size)
  const [head, tail] = [hollow.subarray(0, offset), hollow.subarray(offset)]
  function* chunks(): Generator<Uint8Array> {
    yield head
    for (let index = 0; index < count; index += 1) yield block
    yield tail
  }
  const hash = createHash('sha1')
  for (const chunk of chunks()) hash.update(chunk)
  return { length: hollow.length + size, sha1: hash.digest('hex'), chunks }
}

/** Tells the directory of the zip, and its end record, where everything is once `size` bytes stand behind the first header. */
function moveEntries(zip: Buffer, entries: number, size: number): void {
  const end = zip.length - 22
  let at = zip.readUInt32LE(end + 16)
  for (let index = 0; index < entries; index += 1) {
    if (index === 0) zip.writeUInt32LE(size, at + 20)
    else zip.writeUInt32LE(zip.readUInt32LE(at + 42) + size, at + 42)
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30)
  }
  zip.writeUInt32LE(zip.readUInt32LE(end + 16) + size, end + 16)
}

/** The same bytes for the same seed. */
function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = []
  let digest = createHash('sha512').update(seed).digest()
  for (let length = 0; length < size; length += digest.length) {
    parts.push(digest)
    digest = createHash('sha512').update(digest).digest()
  }
  return Buffer.concat(parts).subarray(0, size)
}
