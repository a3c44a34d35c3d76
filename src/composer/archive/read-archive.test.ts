import { describe, expect, test } from 'bun:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import {
  ARCHIVE_LIMITS,
  archiveVerdict,
  buildTar,
  buildZip,
  MANIFEST_ENTRY,
  paxHeader,
  readBytes,
  tarWith,
  zip64End,
  zipExtra,
  zipWith,
} from '../../../test/kit/archives.ts'
import { readArchive } from './read-archive.ts'

describe('CO-075 CO-126 abuse 20: the composer.json of an archive', () => {
  test.each([
    ['zip', buildZip([MANIFEST_ENTRY, { name: 'src/' }, { name: 'src/a.php', data: '<?php' }])],
    ['tar', buildTar([MANIFEST_ENTRY, { name: 'src/', type: '5' }, { name: 'src/a.php', data: '<?php' }])],
    ['tar.gz', gzipSync(buildTar([MANIFEST_ENTRY, { name: './src/a.php', data: '<?php' }]))],
  ] as const)('is found at the top of a %s', async (format, bytes) => {
    const result = await readBytes(bytes)

    expect(result).toMatchObject({ ok: true, archive: { format, root: '', files: 2, bytes: MANIFEST_ENTRY.data.length + 5 } })
    expect(result.ok && Buffer.from(result.archive.manifest).toString()).toBe(MANIFEST_ENTRY.data)
  })

  test('may be absent, or anywhere, where it is optional', async () => {
    const optional = { manifest: 'optional' } as const
    const bytes = buildZip([
      { name: 'plugin/plugin.php', data: '<?php' },
      { name: 'readme', data: 'x' },
    ])
    const result = await readBytes(bytes, optional)

    expect(result).toMatchObject({ ok: true, archive: { root: '', files: 2 } })
    expect(result.ok && result.archive.manifest).toHaveLength(0)
    expect(await archiveVerdict(buildZip([]), optional)).toStartWith('manifest_place')
    expect(await archiveVerdict(buildZip([{ name: '../x' }]), optional)).toStartWith('unsafe_path')
  })

  test('is found in the only top directory, and .DS_Store beside it does not count', async () => {
    const wrapped = [
      { name: 'http-1.0/a' },
      { name: '.DS_Store', data: 'x' },
      { ...MANIFEST_ENTRY, name: 'http-1.0/composer.json' },
    ]

    expect(await archiveVerdict(buildZip(wrapped))).toBe('accepted at "http-1.0/"')
    expect(await archiveVerdict(buildTar(wrapped))).toBe('accepted at "http-1.0/"')
  })

  test('at the top is taken although a directory has one too', async () => {
    const nested = { name: 'demo/composer.json', data: '{"name":"acme/demo"}' }

    const result = await readBytes(buildZip([nested, MANIFEST_ENTRY]))

    expect(result.ok && Buffer.from(result.archive.manifest).toString()).toBe(MANIFEST_ENTRY.data)
  })

  test.each([
    ['is missing', [{ name: 'a.php' }], 'at the top are "a.php"'],
    ['is in one of two directories', [{ name: 'a/composer.json', data: '{}' }, { name: 'b/x' }], 'at the top are "a", "b"'],
    ['is in both of two directories', [{ name: 'a/composer.json' }, { name: 'b/composer.json' }], 'at the top are "a", "b"'],
    ['is in a directory beside a file', [{ name: 'a/composer.json' }, { name: 'README' }], 'at the top are "README", "a"'],
    ['is one directory deeper', [{ name: 'a/b/composer.json' }], '"a/composer.json": composer.json must be'],
    ['is a directory', [{ name: 'composer.json/' }], '"composer.json/composer.json": composer.json must be'],
    [
      'is a symbolic link',
      [{ name: 'composer.json', data: 'x', mode: 0o120777 }, { name: 'x' }],
      'at the top are "composer.json", "x"',
    ],
  ])('is refused when it %s', async (_, entries, problem) => {
    expect(await archiveVerdict(buildZip(entries))).toMatch(/^manifest_place: /)
    expect(await archiveVerdict(buildZip(entries))).toContain(problem)
  })

  test('is refused over its limit', async () => {
    const large = { name: 'composer.json', data: 'x'.repeat(10_001) }

    expect(await archiveVerdict(buildZip([large]))).toBe(
      'manifest_size: "composer.json": composer.json has more than 10000 bytes',
    )
    expect(await archiveVerdict(buildTar([large]))).toBe(
      'manifest_size: "composer.json": composer.json has more than 10000 bytes',
    )
  })

  test('is missing from an archive without entries', async () => {
    expect(await archiveVerdict(buildZip([]))).toContain('the archive is empty')
    expect(await archiveVerdict(gzipSync(new Uint8Array(1024)))).toContain('the archive is empty')
  })
})

describe('abuse 18: names', () => {
  const cases: [name: string, refusal: string][] = [
    ['../x', 'unsafe_path: "../x": the path contains ".."'],
    ['a/../../x', 'unsafe_path: "a/../../x": the path contains ".."'],
    ['./../x', 'unsafe_path: "./../x": the path contains ".."'],
    ['/etc/passwd', 'unsafe_path: "/etc/passwd": the path is absolute'],
    ['.//etc', 'accepted at ""'],
    ['C:\\x', 'unsafe_path: "C:\\\\x": the path names a drive'],
    ['c:x', 'unsafe_path: "c:x": the path names a drive'],
    ['a\\..\\x', 'unsafe_path: "a\\\\..\\\\x": the path contains a backslash'],
    ['a//b', 'unsafe_path: "a//b": the path contains an empty part or "."'],
    ['a/./b', 'unsafe_path: "a/./b": the path contains an empty part or "."'],
    ['a\nb', 'unsafe_path: "a\\nb": the name contains a control character'],
    ['./', 'root_entry: "./": the archive has an entry for its own root'],
    ['a/.GIT/hooks/x', 'vcs_directory: "a/.GIT/hooks/x": a package must not bring a git directory'],
    ['composer.json', 'duplicate_name: "composer.json": another entry has this name'],
    ['Composer.JSON', 'duplicate_name: "Composer.JSON": another entry has this name, perhaps in other letter case'],
    ['COMPOSER.json/x', 'duplicate_name: "COMPOSER.json/x": another entry has this name'],
  ]

  test.each(cases)('%j in a zip', async (name, refusal) => {
    expect(await archiveVerdict(zipWith({ name, data: '' }))).toStartWith(refusal)
  })

  test.each(cases)('%j in a tar', async (name, refusal) => {
    expect(await archiveVerdict(tarWith({ name }))).toStartWith(refusal)
  })

  test('of more than 1,024 characters or 128 directories are refused', async () => {
    expect(await archiveVerdict(zipWith({ name: 'x'.repeat(1025) }))).toContain('more than 1024 characters')
    expect(await archiveVerdict(zipWith({ name: 'x/'.repeat(128) + 'x' }))).toContain('deeper than 128 directories')
  })

  test('that are not UTF-8 are refused, flagged or not', async () => {
    const name = Uint8Array.of(0x61, 0xff)

    expect(await archiveVerdict(zipWith({ name }))).toBe('name_encoding: "aÿ": the name is not UTF-8')
    expect(await archiveVerdict(zipWith({ name, flags: 0x800 }))).toStartWith('name_encoding')
    expect(await archiveVerdict(tarWith({ name }))).toStartWith('name_encoding')
  })

  test('in a second form that differs are refused', async () => {
    const extra = zipExtra(0x7075, Buffer.concat([Buffer.alloc(5), Buffer.from('../x')]))

    expect(await archiveVerdict(zipWith({ name: 'x', extra }))).toBe(
      'inconsistent: "x": a second name of this entry is another one',
    )
    expect(await archiveVerdict(zipWith({ name: 'x', local: { extra } }))).toStartWith('inconsistent')
  })

  test('of a long name behind which a dangerous short one hides are refused', async () => {
    const entries = [{ name: '././@LongLink', type: 'L', data: 'harmless\0' }, { name: '../x' }]

    expect(await archiveVerdict(tarWith(...entries))).toStartWith('unsafe_path: "../x"')
  })

  test('of directories may be repeated and may differ in letter case from nothing else', async () => {
    expect(await archiveVerdict(zipWith({ name: 'src/' }, { name: 'src/' }, { name: 'src/a' }))).toBe('accepted at ""')
    expect(await archiveVerdict(zipWith({ name: 'src' }, { name: 'SRC/' }))).toStartWith('duplicate_name: "SRC/"')
  })
})

describe('abuse 18: links and special files', () => {
  const link = (name: string, target: string) => [
    zipWith({ name, data: target, mode: 0o120777 }),
    tarWith({ name, type: '2', link: target }),
  ]

  test.each([
    ['bin/tool', '../CONTENT', 'accepted'],
    ['a', '../x', 'unsafe_link: "a": this symbolic link leads out'],
    ['a/b', '../../x', 'unsafe_link: "a/b"'],
    ['a', '/etc/passwd', 'unsafe_link'],
    ['a', 'C:/x', 'unsafe_link'],
    ['a', 'b\\..\\x', 'unsafe_link'],
    ['a', 'a', 'unsafe_link'],
    ['a', '', 'unsafe_link: "a": the target of this link is missing or too long'],
  ])('a symbolic link %j to %j', async (name, target, refusal) => {
    for (const bytes of link(name, target)) {
      expect(await archiveVerdict(bytes)).toStartWith(refusal)
    }
  })

  test('a symbolic link that leads out through another one is refused', async () => {
    const entries = [
      { name: 'up', data: 'a/b/..', mode: 0o120777 },
      { name: 'a/b', data: '..', mode: 0o120777 },
      { name: 'x', data: 'up/../../y', mode: 0o120777 },
    ]

    expect(await archiveVerdict(zipWith(...entries))).toStartWith('unsafe_link')
  })

  test('a file below a symbolic link is refused', async () => {
    expect(await archiveVerdict(tarWith({ name: 'a', type: '2', link: 'b' }, { name: 'a/x' }))).toStartWith(
      'duplicate_name: "a/x"',
    )
  })

  test('a hard link to an earlier file is accepted, every other one refused', async () => {
    const hard = (target: string) => archiveVerdict(tarWith({ name: 'x', type: '1', link: target }))

    expect(await hard('composer.json')).toBe('accepted at ""')
    expect(await hard('later')).toStartWith('unsafe_link: "x": this hard link does not lead to an earlier file')
    expect(await hard('../composer.json')).toStartWith('unsafe_path: "../composer.json"')
    expect(await hard('/etc/passwd')).toStartWith('unsafe_path')
  })

  test.each([
    ['3', 'special_file: "x": the entry is a character device'],
    ['4', 'special_file: "x": the entry is a block device'],
    ['6', 'special_file: "x": the entry is a pipe'],
    ['S', 'unsupported: "x": entries of type "S" are not supported'],
    ['M', 'unsupported'],
    ['V', 'unsupported'],
  ])('tar entries of type %s are refused', async (type, refusal) => {
    expect(await archiveVerdict(tarWith({ name: 'x', type }))).toStartWith(refusal)
  })

  test.each([0o010644, 0o020644, 0o060644, 0o140644])('zip entries of mode %o are refused', async (mode) => {
    expect(await archiveVerdict(zipWith({ name: 'x', mode }))).toBe(
      'special_file: "x": the entry is a device, a pipe or a socket',
    )
  })

  test('entries that are two kinds at once are refused', async () => {
    expect(await archiveVerdict(zipWith({ name: 'x/', data: 'content' }))).toBe('inconsistent: "x/": a directory has content')
    expect(await archiveVerdict(zipWith({ name: 'x', mode: 0o040755 }))).toStartWith('inconsistent')
    expect(await archiveVerdict(zipWith({ name: 'x/', data: 'y', mode: 0o120777 }))).toStartWith('inconsistent')
    expect(await archiveVerdict(tarWith({ name: 'x', type: '5', data: 'content' }))).toStartWith('inconsistent')
  })
})

describe('abuse 19: limits', () => {
  const zeros = (size: number) => new Uint8Array(size)

  test('more entries than allowed are refused, whatever the zip says', async () => {
    const many = Array.from({ length: 101 }, (_, index) => ({ name: `f${index}` }))
    const lying = (place: { offset: number; size: number; entries: number }) =>
      zip64End({ ...place, entries: 10_000_000 }, place.offset + place.size)

    expect(await archiveVerdict(buildZip(many))).toBe('too_many_entries: the archive has more than 100 entries')
    expect(await archiveVerdict(buildTar(many))).toBe('too_many_entries: the archive has more than 100 entries')
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY], { entries: 0xffff, beforeEnd: lying }))).toStartWith(
      'too_many_entries',
    )
    expect(await archiveVerdict(buildZip([MANIFEST_ENTRY, ...many], { entries: 1 }))).toContain(
      'more entries than the archive says',
    )
  })

  test('headers that describe nothing count as entries', async () => {
    const headers = Array.from({ length: 101 }, () => paxHeader({ comment: 'x' }))

    expect(await archiveVerdict(buildTar(headers))).toStartWith('too_many_entries')
  })

  test('more bytes than allowed are refused before they are unpacked', async () => {
    const entry = { name: 'x', data: zeros(2000) }

    expect(await archiveVerdict(zipWith(entry), { bytes: 1000 })).toBe(
      'too_large: "x": the archive unpacks to more than 1000 bytes',
    )
    expect(await archiveVerdict(tarWith(entry), { bytes: 1000 })).toStartWith('too_large: "x"')
    expect(await archiveVerdict(gzipSync(tarWith(entry)), { bytes: 1000 })).toStartWith('too_large: "x"')
  })

  test('a bomb of 1:1000 is refused by its ratio, in every format', async () => {
    const bomb = { name: 'bomb', data: zeros(60 * 1024 * 1024) }

    expect(await archiveVerdict(zipWith(bomb))).toBe('ratio: "bomb": the archive unpacks to more than 100 times its size')
    expect(await archiveVerdict(gzipSync(tarWith(bomb)))).toStartWith('ratio: "bomb"')
  })

  test('a zip entry that is larger than it says is refused', async () => {
    for (const real of [5000, 3 * 1024 * 1024]) {
      const data = zeros(real)
      const lying = { name: 'x', packed: deflateRawSync(data), size: real - 1000, crc: crc32(data.subarray(1000)) }

      expect(await archiveVerdict(zipWith(lying))).toStartWith(
        'damaged: "x": the data of this entry is damaged, or not of the size',
      )
    }
  })

  test('entries that share bytes are refused', async () => {
    const shared = buildZip([MANIFEST_ENTRY, { name: 'x', data: 'abc', offset: 0 }])
    const quoted = buildZip([
      { name: 'a', method: 0, data: Buffer.from(buildZip([MANIFEST_ENTRY])) },
      { ...MANIFEST_ENTRY, offset: 31 },
    ])

    expect(await archiveVerdict(shared)).toBe('overlap: "x": this entry shares bytes with another one')
    expect(await archiveVerdict(quoted)).toBe('overlap: "composer.json": this entry shares bytes with another one')
  })

  test('zeros without end behind a tar are refused', async () => {
    expect(await archiveVerdict(gzipSync(buildTar([MANIFEST_ENTRY], zeros(3 * 1024 * 1024))))).toContain('data behind the end')
    expect(await archiveVerdict(buildTar([MANIFEST_ENTRY], zeros(10_240)))).toBe('accepted at ""')
  })

  test('a header that is too long is refused', async () => {
    expect(await archiveVerdict(tarWith({ name: 'x', type: 'L', data: zeros(70_000) }))).toBe(
      'unsupported: "x": a header is too long',
    )
  })
})

test('what is no archive is refused', async () => {
  for (const text of ['', 'hello', '<html>', 'Rar!', '\u00fd7zXZ\0', 'x'.repeat(5000)]) {
    expect(await archiveVerdict(Buffer.from(text, 'latin1'))).toBe('unknown_format: this is no zip, tar, tar.gz or tar.bz2')
  }
})

test('a failure to read the file is no refusal', async () => {
  const file = { size: 100, read: () => Promise.reject(new Error('the disk is gone')) }

  await expect(readArchive(file, ARCHIVE_LIMITS)).rejects.toThrow('the disk is gone')
})
