import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { archiveVerdict, buildTar, MANIFEST_ENTRY, paxHeader, tarWith } from '../../../test/kit/archives.ts'

describe('tar', () => {
  test('long names in the way of GNU and of ustar are read', async () => {
    const long = `${'d'.repeat(120)}/${'f'.repeat(60)}`
    const gnu = [
      { name: '././@LongLink', type: 'L', data: `${long}\0` },
      { name: long.slice(0, 100), data: 'x', isGnu: true },
    ]
    const ustar = { name: 'f'.repeat(60), prefix: 'd'.repeat(120), data: 'x' }

    expect(await archiveVerdict(tarWith(...gnu))).toBe('accepted at ""')
    expect(await archiveVerdict(tarWith(...gnu, ustar))).toStartWith(`duplicate_name: "${'d'.repeat(119)}`)
  })

  test('pax headers may say only what the entry says, because PHP does not read them', async () => {
    const global = paxHeader({ comment: 'commit' }, 'g')

    expect(await archiveVerdict(tarWith(global, paxHeader({ mtime: '1.5', path: 'x' }), { name: 'x' }))).toBe('accepted at ""')
    expect(await archiveVerdict(tarWith(paxHeader({ path: 'y' }), { name: 'x' }))).toStartWith(
      'unsupported: "x": a pax header gives this entry another path: PHP does not read these',
    )
    expect(await archiveVerdict(tarWith(paxHeader({ linkpath: '../y' }), { name: 'x', type: '2', link: 'y' }))).toContain(
      'another linkpath',
    )
    expect(await archiveVerdict(tarWith(paxHeader({ size: '512' }), { name: 'x' }))).toContain('another size')
    expect(await archiveVerdict(tarWith(paxHeader({ path: 'y' }, 'g'), { name: 'x' }))).toContain('a global header sets "path"')
    expect(await archiveVerdict(tarWith(paxHeader({ 'GNU.sparse.major': '1' }), { name: 'x' }))).toContain('sparse files')
  })

  test('damage is noticed wherever it is', async () => {
    const whole = tarWith({ name: 'x', data: 'x'.repeat(1000) })

    for (const length of [0, 100, 512, 600, 1024, 1100, 1536, 2000, 2560]) {
      expect(await archiveVerdict(whole.subarray(0, length))).toMatch(/^(?:damaged|unknown_format): /)
    }
    expect(await archiveVerdict(buildTar([MANIFEST_ENTRY], Buffer.from('no header'.padEnd(512))))).toBe(
      'damaged: this is no tar header',
    )
    expect(await archiveVerdict(tarWith({ name: 'x', size: '99999999999 ' }))).toContain('the size of this entry cannot be read')
    expect(await archiveVerdict(tarWith({ name: 'x', size: Uint8Array.of(0xff, 0xff, 0xff) }))).toContain('cannot be read')
    expect(await archiveVerdict(tarWith({ name: 'x', size: Uint8Array.of(0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0) }))).toStartWith(
      'too_large',
    )
    expect(await archiveVerdict(tarWith({ name: 'x', type: 'x', data: '9 path=x' }))).toBe('damaged: a pax header cannot be read')
    expect(await archiveVerdict(buildTar([MANIFEST_ENTRY, paxHeader({ path: 'x' })]))).toBe('damaged: the archive ends early')
  })

  test('data behind its end is refused', async () => {
    expect(await archiveVerdict(Buffer.concat([tarWith(), tarWith({ name: 'evil' })]))).toContain(
      'data behind the end of the archive',
    )
  })

  test('a gzip that is cut or damaged, or holds something else, is refused', async () => {
    const whole = gzipSync(tarWith())

    expect(await archiveVerdict(whole.subarray(0, whole.length - 9))).toBe('damaged: the compressed data is damaged or cut off')
    expect(await archiveVerdict(gzipSync(Buffer.from('x'.repeat(2000))))).toBe('damaged: this is no tar header')
  })
})
