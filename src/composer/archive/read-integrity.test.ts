import { describe, expect, test } from 'bun:test'
import { gzipSync } from 'node:zlib'
import { archiveVerdict, buildTar, buildZip, MANIFEST_ENTRY, paxHeader, zipWith } from '../../../test/kit/archives.ts'

const RULES = { rules: 'integrity' } as const
const ACCEPTED = 'accepted at ""'

describe('the rules of integrity', () => {
  test.each([
    ['a git directory', buildZip([{ name: 'tool/.git/config', data: 'x' }])],
    ['names that differ in letter case alone', buildZip([{ name: 'a/README' }, { name: 'a/readme' }])],
    ['a symbolic link that leads nowhere', buildZip([{ name: 'a/link', data: '../../none', mode: 0o120777 }])],
    ['a name in an old code page', buildZip([{ name: Buffer.from([0x74, 0xfc]), data: 'x' }])],
    ['headers that contradict each other', buildZip([{ name: 'a/b', data: 'x', local: { name: 'a/c', crc: 7 } }])],
    ['no composer.json', buildZip([{ name: 'index.php', data: '<?php' }])],
    [
      'a device',
      buildTar([
        { name: 'a/tty', type: '3' },
        { name: 'a/b', data: 'x' },
      ]),
    ],
    [
      'its own root',
      buildTar([
        { name: './', type: '5' },
        { name: './a', data: 'x' },
      ]),
    ],
    ['a pax header', buildTar([paxHeader({ path: 'long' }), { name: 'a', data: 'x' }])],
    [
      'a long name',
      buildTar([
        { name: '././@LongLink', type: 'L', data: `${'d'.repeat(150)}\0` },
        { name: 'd'.repeat(100), data: 'x' },
      ]),
    ],
    ['data behind its end', buildTar([MANIFEST_ENTRY], Buffer.concat([Buffer.alloc(1024), Buffer.from('more')]))],
  ])('accept an archive with %s, which clients install from the upstream, too', async (_, bytes) => {
    expect(await archiveVerdict(bytes)).not.toBe(ACCEPTED)
    expect(await archiveVerdict(bytes, RULES)).toBe(ACCEPTED)
  })

  test.each(['../x', 'a/../../x', '/etc/x', 'C:\\x', '..\\x', 'a\\..\\..\\x'])('abuse 18: refuse the name %s', async (name) => {
    expect(await archiveVerdict(buildZip([{ name, data: 'x' }]), RULES)).toStartWith('unsafe_path: ')
    expect(await archiveVerdict(buildTar([{ name, data: 'x' }]), RULES)).toStartWith('unsafe_path: ')
  })

  test('abuse 18: refuse an entry behind a symbolic link', async () => {
    const link = { name: 'a/etc', data: '/etc', mode: 0o120777 }

    expect(await archiveVerdict(buildZip([link, { name: 'a/etc/passwd', data: 'x' }]), RULES)).toStartWith('unsafe_link: ')
    const tar = buildTar([
      { name: 'a/etc', type: '2', link: '/etc' },
      { name: './a//etc/passwd', data: 'x' },
    ])
    expect(await archiveVerdict(tar, RULES)).toStartWith('unsafe_link: ')
  })

  test('abuse 19: stop at the limits on entries and bytes', async () => {
    const many = Array.from({ length: 101 }, (_, index) => ({ name: `${index}` }))

    expect(await archiveVerdict(buildZip(many), RULES)).toStartWith('too_many_entries: ')
    expect(await archiveVerdict(buildTar(many), RULES)).toStartWith('too_many_entries: ')
    expect(await archiveVerdict(zipWith({ name: 'x', data: 'x'.repeat(2000) }), { ...RULES, bytes: 1000 })).toStartWith(
      'too_large: ',
    )
    const claims = buildTar([{ name: 'x', size: '77777777777 ' }])
    expect(await archiveVerdict(claims, { ...RULES, bytes: 1000 })).toStartWith('too_large: ')
  })

  test('look at names alone where the bytes were compared with a checksum', async () => {
    const names = { rules: 'names' } as const

    expect(await archiveVerdict(zipWith({ name: 'x', data: 'x', crc: 1 }), names)).toBe(ACCEPTED)
    expect(await archiveVerdict(zipWith({ name: '../x', data: 'x' }), names)).toStartWith('unsafe_path: ')
    expect(await archiveVerdict(zipWith({ name: 'x', data: 'x'.repeat(2000) }), { ...names, bytes: 1000 })).toStartWith(
      'too_large: ',
    )
    expect(await archiveVerdict(buildTar([{ name: '../x', data: 'x' }]), names)).toStartWith('unsafe_path: ')
  })

  test('refuse what is damaged, cut or empty', async () => {
    const zip = zipWith({ name: 'x', data: 'x'.repeat(3000) })
    const tgz = gzipSync(buildTar([{ name: 'x', data: 'x'.repeat(3000) }]))

    expect(await archiveVerdict(zipWith({ name: 'x', data: 'x', crc: 1 }), RULES)).toStartWith('damaged: ')
    for (const bytes of [zip.subarray(0, 100), zip.subarray(0, zip.length - 30), tgz.subarray(0, tgz.length - 20)]) {
      expect(await archiveVerdict(bytes, RULES)).toMatch(/^(?:damaged|inconsistent): /)
    }
    expect(await archiveVerdict(buildZip([]), RULES)).toBe('damaged: the archive is empty')
    expect(await archiveVerdict(Buffer.from('<!doctype html>'), RULES)).toStartWith('unknown_format: ')
  })
})
