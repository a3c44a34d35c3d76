import { describe, expect, test } from 'bun:test'
import { crc32, deflateRawSync } from 'node:zlib'
import {
  archiveVerdict,
  buildZip,
  MANIFEST_ENTRY,
  zip64End,
  zipExtra,
  zipWith,
  longs,
  type ZipEntrySpec,
} from '../../../test/kit/archives.ts'

describe('abuse 19: what a zip says twice', () => {
  test('encrypted entries and unknown methods are refused', async () => {
    expect(await archiveVerdict(zipWith({ name: 'x', flags: 1 }))).toBe('encrypted: "x": the entry is encrypted')
    expect(await archiveVerdict(zipWith({ name: 'x', flags: 0x2000 }))).toStartWith('encrypted')
    expect(await archiveVerdict(zipWith({ name: 'x', method: 12 }))).toBe(
      'unsupported: "x": compression method 12 is not supported; use deflate',
    )
  })

  test.each<[string, ZipEntrySpec['local']]>([
    ['another name', { name: 'y' }],
    ['another method', { method: 0 }],
    ['another size', { size: 1 }],
    ['another packed size', { packedSize: 1 }],
    ['another checksum', { crc: 1 }],
  ])('%s in the local header is refused', async (_, local) => {
    const entry = { name: 'x', data: 'content', local: local ?? {} }

    expect(await archiveVerdict(zipWith(entry))).toBe('inconsistent: "x": the two headers of this entry contradict each other')
  })

  test('packed data that is larger than its content could ever be is refused', async () => {
    const padded = { name: 'x', data: 'a', packed: Buffer.concat([deflateRawSync('a'), Buffer.alloc(70_000)]) }

    expect(await archiveVerdict(zipWith(padded))).toStartWith('inconsistent: "x": the packed data')
    expect(await archiveVerdict(zipWith({ name: 'x', method: 0, packed: Buffer.alloc(5), size: 4 }))).toStartWith(
      'inconsistent: "x"',
    )
  })

  test('a descriptor behind the data must agree with the directory', async () => {
    const data = Buffer.from('content')
    const packed = deflateRawSync(data)
    const open = { name: 'x', data, flags: 8, local: { size: 0, packedSize: 0, crc: 0 } }
    const descriptor = Buffer.alloc(12)
    descriptor.writeUInt32LE(crc32(data), 0)
    descriptor.writeUInt32LE(packed.length, 4)
    descriptor.writeUInt32LE(data.length, 8)
    const signed = Buffer.concat([Buffer.from('PK\u0007\u0008', 'latin1'), descriptor])

    expect(await archiveVerdict(zipWith({ ...open, descriptor }))).toBe('accepted at ""')
    expect(await archiveVerdict(zipWith({ ...open, descriptor: signed }))).toBe('accepted at ""')
    descriptor.writeUInt32LE(1, 8)
    expect(await archiveVerdict(zipWith({ ...open, descriptor }))).toStartWith('inconsistent: "x": what stands behind the data')
  })

  test('zip64 sizes are read, and lies in them refused', async () => {
    const data = Buffer.from('content')
    const far = (size: number) => ({
      name: 'x',
      data,
      method: 0,
      size: 0xffffffff,
      extra: zipExtra(1, longs(size)),
      local: { extra: zipExtra(1, longs(size, data.length)) },
    })

    expect(await archiveVerdict(zipWith(far(data.length)))).toBe('accepted at ""')
    expect(await archiveVerdict(zipWith(far(2 ** 40)))).toStartWith('inconsistent: "x": the packed data')
    expect(await archiveVerdict(zipWith({ ...far(2 ** 40), method: 8 }))).toStartWith('too_large: "x"')
    expect(await archiveVerdict(zipWith({ ...far(7), extra: Buffer.alloc(0) }))).toBe('inconsistent: a zip64 field is missing')
  })

  test('the end records must agree with each other and with the file', async () => {
    const far = (place: { offset: number; size: number; entries: number }) => zip64End(place, place.offset + place.size)
    const lying = (place: { offset: number; size: number; entries: number }) =>
      zip64End({ ...place, offset: place.offset + 1 }, place.offset + place.size)
    const hidden = buildZip([{ name: 'evil' }]).slice(-22)

    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { beforeEnd: far }))).toBe('accepted at ""')
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { beforeEnd: lying }))).toContain('contradict each other')
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { directoryOffset: 3 }))).toContain('not where the archive says')
    expect(await archiveVerdict(Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), buildZip([MANIFEST_ENTRY])]))).toContain(
      'in front',
    )
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { comment: Buffer.from('a comment') }))).toBe('accepted at ""')
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { comment: hidden }))).toBe(
      'inconsistent: the zip has two end records',
    )
    expect(await archiveVerdict(Buffer.concat([buildZip([MANIFEST_ENTRY]), Buffer.from('x')]))).toStartWith('damaged')
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { entries: 2 }))).toContain('fewer entries than the archive says')
  })
})
