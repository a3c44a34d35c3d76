import { ArchiveRefused } from './archive-refusal.ts'
import type { BitReader } from './bit-reader.ts'

/** A canonical Huffman code: for each length the largest code, and what turns a code into an index of `symbols`. */
export interface HuffmanTable {
  limits: Int32Array
  bases: Int32Array
  symbols: Uint16Array
  shortest: number
  longest: number
}

const LONGEST = 20

/** The code whose symbols have these lengths, 1 to 20 bits. */
export function createHuffmanTable(lengths: Uint8Array): HuffmanTable {
  const counts = new Uint32Array(LONGEST + 2)
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1
  const symbols = new Uint16Array(lengths.length)
  const limits = new Int32Array(LONGEST + 2)
  const bases = new Int32Array(LONGEST + 2)
  let filled = 0
  let code = 0
  for (let length = 1; length <= LONGEST; length++) {
    bases[length] = code - filled
    for (const [symbol, own] of lengths.entries()) if (own === length) symbols[filled++] = symbol
    code += counts[length] ?? 0
    limits[length] = code - 1
    code *= 2
  }
  return { limits, bases, symbols, shortest: Math.min(...lengths), longest: Math.max(...lengths) }
}

/** The next symbol. Throws `ArchiveRefused` when the bits are no code. */
export function readSymbol(bits: BitReader, table: HuffmanTable): number {
  const { limits, bases, symbols, longest } = table
  let length = table.shortest
  let code = bits.read(length)
  while (code > (limits[length] ?? -1)) {
    if (++length > longest) throw new ArchiveRefused('damaged', 'the bzip2 data is damaged')
    code = code * 2 + bits.read(1)
  }
  const symbol = symbols[code - (bases[length] ?? 0)]
  if (symbol === undefined) throw new ArchiveRefused('damaged', 'the bzip2 data is damaged')
  return symbol
}
