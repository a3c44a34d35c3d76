import { afterEach, beforeEach, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  lstatSync,
  mkdtempSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { comparePaths } from './compare-paths.ts'
import { createDeflateCache } from './deflate-cache.ts'
import { packContent, storeContent } from './pack-content.ts'
import { packFiles } from './pack-files.ts'
import type { SelectedFile } from './select-files.ts'
import { toZipTime, type ZipMode } from './zip-records.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

const COMMITTED = Date.UTC(2024, 4, 6, 7, 8, 10)

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'repertoire-zip-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface File {
  path: string
  mode: ZipMode
  bytes: Uint8Array
}

test('unzip reads back files, modes, links and times', async () => {
  await writeArchive([
    { path: 'bin/run', mode: 'executable', bytes: text('#!/usr/bin/env php\n') },
    { path: 'composer.json', mode: 'file', bytes: text('{"name":"acme/http"}\n'.repeat(50)) },
    { path: 'empty', mode: 'file', bytes: new Uint8Array(0) },
    { path: 'link', mode: 'symlink', bytes: text('bin/run') },
    { path: 'ünïcode/🙂.txt', mode: 'file', bytes: text('ü') },
  ])

  expect(unzip('-tqq', archive())).toBe('')
  unzip('-qq', archive(), '-d', join(directory, 'out'))

  const out = join(directory, 'out')
  expect(readdirSync(out).toSorted()).toEqual(['bin', 'composer.json', 'empty', 'link', 'ünïcode'])
  expect(lstatSync(join(out, 'bin/run')).mode).toBe(0o100755)
  expect(lstatSync(join(out, 'composer.json')).mode).toBe(0o100644)
  expect(readlinkSync(join(out, 'link'))).toBe('bin/run')
  expect(readFileSync(join(out, 'ünïcode/🙂.txt'), 'utf8')).toBe('ü')
  expect(lstatSync(join(out, 'empty')).size).toBe(0)
  expect(lstatSync(join(out, 'composer.json')).mtimeMs).toBe(COMMITTED)
})

test('zipinfo sees a UNIX archive with deflated and stored entries and no directories', async () => {
  await writeArchive([
    { path: 'a', mode: 'file', bytes: text('a'.repeat(1000)) },
    { path: 'b', mode: 'file', bytes: text('short') },
    { path: 'c', mode: 'symlink', bytes: text('a'.repeat(100)) },
  ])

  const lines = unzip('-Z', '-T', archive()).split('\n')

  expect(lines[2]).toMatch(/^-rw-r--r-- {2}2\.0 unx +1000 b. defN 20240506\.070810 a$/)
  expect(lines[3]).toMatch(/^-rw-r--r-- {2}2\.0 unx +5 b. stor 20240506\.070810 b$/)
  expect(lines[4]).toMatch(/^lrwxrwxrwx {2}2\.0 unx +100 b. stor 20240506\.070810 c$/)
  expect(unzip('-Z', '-h', '-t', archive())).toContain('3 files, 1105 bytes uncompressed')
})

test('the bytes of an archive never change', async () => {
  const files: File[] = [
    { path: 'composer.json', mode: 'file', bytes: text('{"name": "acme/http", "require": {"php": ">=8.1"}}\n'.repeat(20)) },
    {
      path: 'src/large.txt',
      mode: 'file',
      bytes: text(Array.from({ length: 60_000 }, (_, index) => `line ${index * 7919}\n`).join('')),
    },
  ]

  const digest = createHash('sha1')
    .update(await build(files))
    .digest('hex')

  expect(digest).toBe('8d720689d3e6cd6de3b4076126c19cdd665b922b')
})

test('times outside of what a zip can express are moved to the nearest that it can', async () => {
  const files: File[] = [{ path: 'a', mode: 'file', bytes: text('a') }]

  for (const [instant, expected] of [
    [0, Date.UTC(1980, 0, 1)],
    [-5e12, Date.UTC(1980, 0, 1)],
    [Date.UTC(2038, 0, 19, 3, 14, 6), Date.UTC(2038, 0, 19, 3, 14, 6)],
    [Date.UTC(2050, 5, 1, 12), Date.UTC(2050, 5, 1, 12)],
  ] as const) {
    writeFileSync(archive(), await build(files, instant))
    unzip('-qqo', archive(), '-d', join(directory, 'out'))
    expect(lstatSync(join(directory, 'out', 'a')).mtimeMs).toBe(expected)
  }
})

test('a time beyond the year 2107 becomes its last two seconds', () => {
  const time = toZipTime(9e15)

  expect(time.dosDate).toBe(((2107 - 1980) << 9) | (12 << 5) | 31)
  expect(time.dosTime).toBe((23 << 11) | (59 << 5) | 29)
  expect(time.extra).toHaveLength(0)
})

test('entries out of order, repeated or without a name are refused', async () => {
  for (const paths of [['b', 'a'], ['a', 'a'], [''], ['\u{1f642}', '\uffee']]) {
    const entries = paths.map((path): ZipEntry => ({ path, mode: 'file', content: storeContent(text('x')) }))
    await expect(Array.fromAsync(writeZip(entries, { modifiedAt: COMMITTED }))).rejects.toThrow('out of order')
  }
})

test('an archive without entries is a valid archive', async () => {
  await writeArchive([])

  expect(unzip('-Z', '-h', archive())).toContain('Zip file size: 22 bytes, number of entries: 0')
})

test.each([65_534, 65_535, 70_000])('an archive of %d entries is read whole', async (count) => {
  const content = storeContent(text('x'))
  const entries = Array.from({ length: count }, (_, index): ZipEntry => ({
    path: String(index).padStart(6, '0'),
    mode: 'file',
    content,
  }))

  writeFileSync(archive(), Buffer.concat(await Array.fromAsync(writeZip(entries, { modifiedAt: COMMITTED }))))

  expect(unzip('-tqq', archive())).toBe('')
  expect(unzip('-Z', '-h', archive())).toContain(`number of entries: ${count}`)
})

test('an entry that begins beyond four gigabytes is found', async () => {
  const zeros = storeContent(new Uint8Array(256 * 1024 * 1024))
  const large = Array.from({ length: 17 }, (_, index): ZipEntry => ({
    path: `a${String(index).padStart(2, '0')}`,
    mode: 'file',
    content: zeros,
  }))
  const entries: ZipEntry[] = [...large, { path: 'last', mode: 'file', content: storeContent(text('found')) }]

  // The large entries become holes of a sparse file, so that the test writes next to nothing.
  const output = openSync(archive(), 'w')
  let position = 0
  for await (const chunk of writeZip(entries, { modifiedAt: COMMITTED })) {
    if (chunk !== zeros.bytes) writeSync(output, chunk, 0, chunk.length, position)
    position += chunk.length
  }
  closeSync(output)

  expect(unzip('-p', archive(), 'last')).toBe('found')
  expect(unzip('-Z', '-h', archive())).toContain('number of entries: 18')
})

test('whatever the files are, unzip gives them back, and a cache changes no byte of the archive', async () => {
  const name = fc.constantFrom('a', 'b', 'lib', 'x y', 'ä', '-r', '*', '🙂', '\uffee')
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
  const content = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ maxLength: 50 }).map((piece) => text(piece.repeat(2000))),
  )
  const tree = fc.array(fc.record({ path, mode: fc.constantFrom<ZipMode>('file', 'executable'), bytes: content }), {
    maxLength: 12,
  })
  const cache = createDeflateCache(200_000)
  let round = 0

  await fc.assert(
    fc.asyncProperty(tree, async (files) => {
      const unique = withoutClashes(files)
      const cold = await build(unique)
      await buildWith(unique, cache)
      expect(Buffer.compare(await buildWith(unique, cache), cold)).toBe(0)
      if (unique.length === 0) return
      writeFileSync(archive(), cold)
      const out = join(directory, `out${round++}`)
      unzip('-qq', archive(), '-d', out)
      for (const file of unique) {
        expect(Buffer.compare(readFileSync(join(out, file.path)), file.bytes)).toBe(0)
        expect(lstatSync(join(out, file.path)).mode).toBe(file.mode === 'file' ? 0o100644 : 0o100755)
      }
      expect(readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toHaveLength(
        unique.length,
      )
    }),
    { numRuns: 60 },
  )
})

/** Keeps the first of files whose paths are the same, or of which one is a directory of the other. */
function withoutClashes(files: readonly File[]): File[] {
  const kept: File[] = []
  for (const file of files) {
    const clashes = kept.some(
      ({ path }) => path === file.path || path.startsWith(`${file.path}/`) || file.path.startsWith(`${path}/`),
    )
    if (!clashes) kept.push(file)
  }
  return kept.toSorted((left, right) => comparePaths(left.path, right.path))
}

async function build(files: readonly File[], modifiedAt = COMMITTED): Promise<Buffer> {
  const entries: ZipEntry[] = []
  for (const { path, mode, bytes } of files) {
    entries.push({ path, mode, content: mode === 'symlink' ? storeContent(bytes) : await packContent(bytes) })
  }
  return Buffer.concat(await Array.fromAsync(writeZip(entries, { modifiedAt })))
}

async function buildWith(files: readonly File[], cache: ReturnType<typeof createDeflateCache>): Promise<Buffer> {
  const contents = new Map(files.map(({ bytes }) => [objectId(bytes), bytes]))
  const selected = files.map(({ path, mode, bytes }): SelectedFile => ({
    path,
    mode,
    objectId: objectId(bytes),
    size: bytes.length,
  }))
  async function* read(ids: readonly string[]) {
    for (const id of ids) yield { objectId: id, bytes: contents.get(id) ?? new Uint8Array(0) }
  }
  const entries = packFiles(selected, { read, cache })
  return Buffer.concat(await Array.fromAsync(writeZip(entries, { modifiedAt: COMMITTED })))
}

async function writeArchive(files: readonly File[]): Promise<void> {
  writeFileSync(archive(), await build(files))
}

function archive(): string {
  return join(directory, 'archive.zip')
}

function unzip(...parameters: string[]): string {
  const { stdout, stderr, error } = spawnSync('unzip', parameters, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
  if (error !== undefined) throw error
  return stdout + stderr
}

function objectId(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}
