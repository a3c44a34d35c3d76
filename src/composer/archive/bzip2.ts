/**
 * Unpacks bzip2, which has no specification of its own: the format is what bzip2 1.0 writes, several streams in a row included. Blocks are
 * decoded one by one, each with at most 900,000 bytes before its runs are expanded; both checksums are verified. The event loop
 * runs between blocks.
 */
import { setImmediate } from 'node:timers/promises'
import { ArchiveRefused } from './archive-refusal.ts'
import { createBitReader, type BitReader } from './bit-reader.ts'
import { createHuffmanTable, readSymbol, type HuffmanTable } from './bzip2-huffman.ts'

const BLOCK_STEP = 100_000
/** More than a block of one step can take: symbols of 20 bits, and some room for its tables. */
const PACKED_STEP = 260_000
const PACKED_TABLES = 64 * 1024
const MOST_SELECTORS = 18_002
const GROUP_SYMBOLS = 50
const OUTPUT_BYTES = 64 * 1024

const BLOCK_MAGIC = 0x314159265359
const END_MAGIC = 0x177245385090

/** The unpacked bytes. Throws `ArchiveRefused` when the data is damaged, cut, or followed by anything else. */
export async function* decompressBzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const bits = createBitReader(source)
  try {
    do {
      yield* decompressStream(bits)
    } while (await bits.load(1))
  } finally {
    await bits.close()
  }
}

async function* decompressStream(bits: BitReader): AsyncGenerator<Uint8Array, void, undefined> {
  await bits.load(4)
  const level = bits.read(24) === 0x425a68 ? bits.read(8) - 0x30 : 0
  if (level < 1 || level > 9) throw damaged()
  let combined = 0
  for (;;) {
    await bits.load(level * PACKED_STEP + PACKED_TABLES)
    const magic = bits.read(24) * 0x1000000 + bits.read(24)
    const checksum = readChecksum(bits)
    if (magic === END_MAGIC) {
      if (checksum !== combined) throw damaged()
      bits.align()
      return
    }
    if (magic !== BLOCK_MAGIC) throw damaged()
    combined = (((combined << 1) | (combined >>> 31)) ^ checksum) >>> 0
    yield* expandRuns(decodeBlock(bits, level * BLOCK_STEP), checksum)
    await setImmediate()
  }
}

function damaged(): ArchiveRefused {
  return new ArchiveRefused('damaged', 'the bzip2 data is damaged')
}

function readChecksum(bits: BitReader): number {
  return bits.read(16) * 0x10000 + bits.read(16)
}

/** The bytes of a block with runs still in place. */
function decodeBlock(bits: BitReader, size: number): Iterable<number> {
  // Randomised blocks were never written by a released bzip2 1.0, only by 0.9.
  if (bits.read(1) !== 0) throw new ArchiveRefused('unsupported', 'the bzip2 data is of an obsolete kind')
  const origin = bits.read(24)
  const alphabet = readAlphabet(bits)
  const tables = readTables(bits, alphabet.length + 2)
  const transformed = new Uint32Array(size)
  const count = readSymbols(bits, { alphabet, ...tables, transformed })
  if (origin >= count) throw damaged()
  return untransform(transformed.subarray(0, count), origin)
}

/** The bytes that occur in a block, in their order. */
function readAlphabet(bits: BitReader): Uint8Array {
  const used: number[] = []
  const ranges = bits.read(16)
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue
    const members = bits.read(16)
    for (let member = 0; member < 16; member++) {
      if ((members & (0x8000 >> member)) !== 0) used.push(range * 16 + member)
    }
  }
  if (used.length === 0) throw damaged()
  return Uint8Array.from(used)
}

interface Tables {
  tables: HuffmanTable[]
  /** Which table each group of 50 symbols uses. */
  selectors: Uint8Array
}

function readTables(bits: BitReader, symbols: number): Tables {
  const groups = bits.read(3)
  const count = bits.read(15)
  if (groups < 2 || groups > 6 || count < 1) throw damaged()
  const order = Uint8Array.from({ length: groups }, (_, index) => index)
  const selectors = new Uint8Array(Math.min(count, MOST_SELECTORS))
  for (let index = 0; index < count; index++) {
    let position = 0
    while (bits.read(1) === 1) {
      if (++position >= groups) throw damaged()
    }
    const table = moveToFront(order, position)
    // Some programs write more selectors than a block can use; bzip2 reads and ignores them.
    if (index < MOST_SELECTORS) selectors[index] = table
  }
  const tables = Array.from({ length: groups }, () => createHuffmanTable(readLengths(bits, symbols)))
  return { tables, selectors }
}

function readLengths(bits: BitReader, symbols: number): Uint8Array {
  const lengths = new Uint8Array(symbols)
  let length = bits.read(5)
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > 20) throw damaged()
      if (bits.read(1) === 0) break
      length += bits.read(1) === 0 ? 1 : -1
    }
    lengths[symbol] = length
  }
  return lengths
}

function moveToFront(order: Uint8Array, position: number): number {
  const value = order[position] ?? 0
  order.copyWithin(1, 0, position)
  order[0] = value
  return value
}

/** Reads the symbols of a block: runs of the front byte in bijective base 2, and other bytes by their place in a move-to-front list. */
function readSymbols(bits: BitReader, input: Tables & { alphabet: Uint8Array; transformed: Uint32Array }): number {
  const { alphabet, tables, selectors, transformed } = input
  const order = alphabet.slice()
  const end = alphabet.length + 1
  let count = 0
  let run = 0
  let weight = 1
  for (let read = 0; ; read++) {
    const table = tables[selectors[Math.floor(read / GROUP_SYMBOLS)] ?? tables.length]
    if (table === undefined) throw damaged()
    const symbol = readSymbol(bits, table)
    if (symbol <= 1) {
      run += weight << symbol
      weight *= 2
      if (run > transformed.length) throw damaged()
      continue
    }
    if (count + run > transformed.length) throw damaged()
    transformed.fill(order[0] ?? 0, count, count + run)
    count += run
    run = 0
    weight = 1
    if (symbol === end) return count
    if (count === transformed.length) throw damaged()
    transformed[count++] = moveToFront(order, symbol - 1)
  }
}

/** Inverts the Burrows-Wheeler transform; the upper 24 bits of each element become the link to the next. */
function* untransform(transformed: Uint32Array, origin: number): Generator<number, void, undefined> {
  const starts = new Uint32Array(257)
  for (const byte of transformed) starts[byte + 1] = (starts[byte + 1] ?? 0) + 1
  for (let byte = 0; byte < 256; byte++) starts[byte + 1] = (starts[byte + 1] ?? 0) + (starts[byte] ?? 0)
  for (let index = 0; index < transformed.length; index++) {
    const byte = (transformed[index] ?? 0) & 0xff
    const place = starts[byte] ?? 0
    starts[byte] = place + 1
    transformed[place] = (transformed[place] ?? 0) | (index << 8)
  }
  let next = (transformed[origin] ?? 0) >>> 8
  for (let left = transformed.length; left > 0; left--) {
    const link = transformed[next] ?? 0
    yield link & 0xff
    next = link >>> 8
  }
}

/** Expands runs: behind four equal bytes stands how many more follow. Yields at most 64 KiB at once and checks the block's checksum. */
function* expandRuns(bytes: Iterable<number>, checksum: number): Generator<Uint8Array, void, undefined> {
  let output = new Uint8Array(OUTPUT_BYTES)
  let length = 0
  let crc = 0xffffffff
  let previous = -1
  let equal = 0
  for (const byte of bytes) {
    const isCount = equal === 4
    const written = isCount ? previous : byte
    const copies = isCount ? byte : 1
    if (length + copies > OUTPUT_BYTES) {
      yield output.subarray(0, length)
      output = new Uint8Array(OUTPUT_BYTES)
      length = 0
    }
    output.fill(written, length, length + copies)
    length += copies
    for (let copy = 0; copy < copies; copy++) crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ written) & 0xff] ?? 0)
    if (isCount) {
      equal = 0
      previous = -1
      continue
    }
    equal = byte === previous ? equal + 1 : 1
    previous = byte
  }
  if (~crc >>> 0 !== checksum) throw damaged()
  yield output.subarray(0, length)
}

/** CRC-32 with the polynomial 0x04C11DB7, highest bit first; that of zip is mirrored. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1
  return value
})
