/** Whatever tree is packed, by our own writer or by the system's tools, is read back as it was; damage never gets through. */
import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { readArchive, writeZip, type ArchiveFormat } from '../../../src/composer/index.ts'
import { comparePaths } from '../../../src/composer/archive/compare-paths.ts'
import { packContent, storeContent } from '../../../src/composer/archive/pack-content.ts'
import { buildTar, buildZip } from '../../kit/archives.ts'
import { scratchDirectory } from '../../kit/database.ts'

const LIMITS = { entries: 1000, bytes: 10 * 1024 * 1024, manifestBytes: 1000 }
const MANIFEST = '{"name":"acme/http"}'

/** Names without letters that have a case, so that no two of them collide. */
const segment = fc.string({ unit: fc.constantFrom('1', '2', 'é', ' ', '-', '漢', '😀', '.x'), minLength: 1, maxLength: 8 })
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const content = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.tuple(fc.nat(255), fc.nat(300_000)).map(([byte, size]) => new Uint8Array(size).fill(byte)),
)

type Tree = Map<string, Uint8Array>

/** Files by path, none of which stands where another needs a directory. */
const tree = fc.array(fc.tuple(path, content), { maxLength: 12 }).map((files): Tree => {
  const kept: Tree = new Map([['composer.json', Buffer.from(MANIFEST)]])
  for (const [name, data] of files) {
    const isFree = [...kept.keys()].every((other) => !`${other}/`.startsWith(`${name}/`) && !`${name}/`.startsWith(`${other}/`))
    if (isFree) kept.set(name.normalize('NFC'), data)
  }
  return kept
})

function read(bytes: Uint8Array) {
  return readArchive({ size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) }, LIMITS)
}

async function summary(bytes: Uint8Array) {
  const result = await read(bytes)
  if (!result.ok) throw new Error(result.refusal.problem)
  const { manifest, ...rest } = result.archive
  return { ...rest, manifest: Buffer.from(manifest).toString() }
}

function expected(files: Tree, format: ArchiveFormat, root = '') {
  const bytes = [...files.values()].map(({ length }) => length).reduce((sum, length) => sum + length, 0)
  return { format, root, files: files.size, bytes, manifest: MANIFEST }
}

async function packZip(files: Tree): Promise<Uint8Array> {
  const sorted = [...files].toSorted(([left], [right]) => comparePaths(left, right))
  const entries = await Promise.all(
    sorted.map(async ([name, data]) => ({
      path: name,
      mode: 'file' as const,
      content: data.length % 2 === 0 ? await packContent(data) : storeContent(data),
    })),
  )
  return Buffer.concat(await Array.fromAsync(writeZip(entries, { modifiedAt: Date.UTC(2026, 0, 1) })))
}

describe('an archive of any tree', () => {
  test('that our own writer packs is read back', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        expect(await summary(await packZip(files))).toEqual(expected(files, 'zip'))
      }),
      { numRuns: 60 },
    )
  })

  test('is the same as zip and as tar', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const short = [...files].filter(([name]) => Buffer.byteLength(name) <= 100).map(([name, data]) => ({ name, data }))
        const { format: _zip, ...zipped } = await summary(buildZip(short))
        const { format: _tar, ...tarred } = await summary(buildTar(short))

        expect(tarred).toEqual(zipped)
      }),
      { numRuns: 60 },
    )
  })
})

const run = (directory: string, command: readonly string[]) => {
  const child = Bun.spawnSync([...command], { cwd: directory, stdout: 'pipe', stderr: 'pipe' })
  if (child.exitCode !== 0) throw new Error(`${command.join(' ')}: ${child.stderr.toString()}`)
}

/** Programs that `npm test` installs or that every Debian has. PHP packs as Composer itself does. */
const PACKERS: readonly [title: string, format: ArchiveFormat, file: string, command: readonly string[]][] = [
  ['tar', 'tar', 'p.tar', ['tar', '--format=gnu', '-cf', '../p.tar', 'tree']],
  ['tar with ustar headers', 'tar', 'p.tar', ['tar', '--format=ustar', '-cf', '../p.tar', 'tree']],
  ['tar and gzip', 'tar.gz', 'p.tar.gz', ['tar', '--format=gnu', '-czf', '../p.tar.gz', 'tree']],
  [
    'PHP, as zip',
    'zip',
    'p.zip',
    [
      'php',
      '-r',
      '$z = new ZipArchive; $z->open("../p.zip", ZipArchive::CREATE); $i = new RecursiveIteratorIterator(new RecursiveDirectoryIterator("tree", FilesystemIterator::SKIP_DOTS)); foreach ($i as $f) $z->addFile("$f", "$f"); $z->close();',
    ],
  ],
  [
    'PHP, as tar',
    'tar',
    'p.tar',
    ['php', '-d', 'phar.readonly=0', '-r', '(new PharData("../p.tar"))->buildFromDirectory("."); '],
  ],
]

describe('a directory packed by', () => {
  test.each(PACKERS)('%s is read back', async (_, format, file, command) => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const directory = scratchDirectory('pack')
        try {
          for (const [name, data] of files) {
            const target = join(directory, 'in/tree', name)
            mkdirSync(dirname(target), { recursive: true })
            writeFileSync(target, data)
          }
          run(join(directory, 'in'), command)

          expect(await summary(readFileSync(join(directory, file)))).toEqual(expected(files, format, 'tree/'))
        } finally {
          rmSync(directory, { recursive: true, force: true })
        }
      }),
      { numRuns: 8 },
    )
  })

  test('tar with links, modes and hard links is read back', async () => {
    const directory = scratchDirectory('pack')
    try {
      writeFileSync(join(directory, 'composer.json'), MANIFEST)
      mkdirSync(join(directory, 'bin'))
      writeFileSync(join(directory, 'bin/tool'), '#!/bin/sh\n')
      chmodSync(join(directory, 'bin/tool'), 0o755)
      symlinkSync('../composer.json', join(directory, 'bin/link'))
      run(directory, ['ln', 'bin/tool', 'bin/same'])
      run(directory, ['tar', '-cf', 'p.tar', 'composer.json', 'bin'])

      expect(await summary(readFileSync(join(directory, 'p.tar')))).toMatchObject({ files: 4, root: '' })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

describe('a damaged archive', () => {
  test.each(['zip', 'tar'] as const)('of any kind is read to an end: a %s with a changed byte', async (format) => {
    const files = [
      { name: 'composer.json', data: MANIFEST },
      { name: 'src/a.php', data: '<?php echo 1;'.repeat(20) },
    ]
    const whole = format === 'zip' ? buildZip(files) : buildTar(files)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const damaged = whole.slice()
        damaged[place] = (damaged[place] ?? 0) ^ change
        const result = await read(damaged)

        // Tar has checksums for headers alone; a zip says of every byte of content what it was.
        if (result.ok && format === 'zip') expect(Buffer.from(result.archive.manifest).toString()).toBe(MANIFEST)
        if (!result.ok) expect(result.refusal.problem.length).toBeGreaterThan(5)
      }),
      { numRuns: 1500 },
    )
  })
})
