import { describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeflateCache } from '../../composer/index.ts'
import { SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { createGitSource, memoryReport, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { findDist, findPackage, requestArchive, type Package } from '../packages/index.ts'
import { buildArchive } from './build-archive.ts'
import { scrubBlobs } from './maintain-blobs.ts'

function tools() {
  return { report: memoryReport(), cache: createDeflateCache(1_000_000) }
}

async function published(files: Parameters<typeof packageCommit>[1] = {}, manifest: Record<string, unknown> = {}) {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit(manifest, { 'src/Http.php': '<?php\n', ...files }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })
  const created = await createGitSource(repository)
  const found = await findPackage(created.app.test.database.read, created.organization, 'acme/http')
  if (found === null) {
    throw new Error('The package was not published.')
  }
  return { ...created, commit, target: found }
}

async function bytesOf(app: TestApp, target: Package, reference: string): Promise<Uint8Array> {
  const dist = await findDist(app.test.database.read, target.id, reference)
  const location = await app.blobs.locate(dist?.sha256 ?? '')
  if (location?.kind !== 'bytes') {
    throw new Error('There is no archive.')
  }
  return location.bytes.slice()
}

/** The entries as Debian's unzip lists them: mode and path. */
async function listZip(bytes: Uint8Array): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'repertoire-zip-'))
  try {
    const path = join(directory, 'a.zip')
    await Bun.write(path, bytes)
    const child = Bun.spawnSync(['zipinfo', path])
    const lines = child.stdout.toString().split('\n')
    return lines.filter((line) => /^[-l]r/.test(line)).map((line) => `${line.slice(0, 10)} ${line.split(' ').at(-1)}`)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

describe('an archive', () => {
  test('is built ahead of the first request and its checksum is known (CO-072)', async () => {
    const { app, target, commit } = await published()

    const dist = await findDist(app.test.database.read, target.id, commit)
    const bytes = await bytesOf(app, target, commit)

    expect(dist?.sha1).toBe(new Bun.CryptoHasher('sha1').update(bytes).digest('hex'))
    expect(await listZip(bytes)).toEqual(['-rw-r--r-- composer.json', '-rw-r--r-- src/Http.php'])
  })

  test('CO-076, CO-077 keeps modes and links and leaves out what the package excludes', async () => {
    const { app, target, commit } = await published(
      {
        'bin/run': { mode: '100755', data: '#!/bin/sh\n' },
        'bin/link': { mode: '120000', data: 'run' },
        'bin/outside': { mode: '120000', data: '../../etc/passwd' },
        'tests/x.php': 'x',
        'docs/a.md': 'x',
        '.gitattributes': '/tests export-ignore\n',
      },
      { archive: { exclude: ['/docs'] } },
    )

    expect(await listZip(await bytesOf(app, target, commit))).toEqual([
      '-rw-r--r-- .gitattributes',
      'lrwxrwxrwx bin/link',
      '-rwxr-xr-x bin/run',
      '-rw-r--r-- composer.json',
      '-rw-r--r-- src/Http.php',
    ])
  })

  test('abuse 16: submodules and LFS pointers are never followed', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n'
    const { app, target, commit } = await published({
      'vendor-lib': { mode: '160000', data: '0123456789012345678901234567890123456789' },
      '.gitmodules': '[submodule "x"]\n\tpath = vendor-lib\n\turl = http://169.254.169.254/latest\n',
      '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
      'big.bin': pointer,
    })

    const names = await listZip(await bytesOf(app, target, commit))

    expect(names).toContain('-rw-r--r-- big.bin')
    expect(names.join('\n')).not.toContain('vendor-lib')
  })

  test('abuse 24: rebuilt after its blob was lost it has the same bytes', async () => {
    const { app, target, commit } = await published()
    const before = await bytesOf(app, target, commit)
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')
    const revision = (await findPackage(app.test.database.read, target.organization, target.name))?.revision

    await requestArchive(app.ctx(), { package: target, reference: commit })
    await app.runJobs()

    expect(await bytesOf(app, target, commit)).toEqual(before)
    expect((await findPackage(app.test.database.read, target.organization, target.name))?.revision).toBe(revision)
  })

  test('abuse 55: a flipped bit is found by the scrub, reported, and the archive built again', async () => {
    const { app, target, commit } = await published()
    const before = await bytesOf(app, target, commit)
    const dist = await findDist(app.test.database.read, target.id, commit)
    app.blobs.damage(dist?.sha256 ?? '')

    const found = await scrubBlobs(app.ctx(SYSTEM), memoryReport())
    await app.runJobs()

    expect(found).toEqual({ damaged: 1, missing: 0 })
    expect(await bytesOf(app, target, commit)).toEqual(before)
    expect(app.warnings.splice(0)).toEqual([expect.stringContaining('are lost')])
  })

  test('abuse 24: the mirror lost with its disk is fetched anew', async () => {
    const { app, source, target, commit } = await published()
    const before = await bytesOf(app, target, commit)
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')
    await app.ports.git.remove(source.uid)

    await buildArchive(app.ctx(SYSTEM), { package: target.id, reference: commit }, tools())

    expect(await bytesOf(app, target, commit)).toEqual(before)
  })

  test('CO-071, CO-123 of a moved and of a vanished tag stays available', async () => {
    const { app, repository, target, commit, sync } = await published()
    const [moved = ''] = await repository.commit(packageCommit({}, { 'src/New.php': '<?php\n' }))
    await repository.setRefs({ 'refs/heads/main': moved, 'refs/tags/1.0.0': null })
    await sync()
    await app.runJobs()
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')

    await buildArchive(app.ctx(SYSTEM), { package: target.id, reference: commit }, tools())

    expect(await listZip(await bytesOf(app, target, commit))).toContain('-rw-r--r-- src/Http.php')
    expect(await listZip(await bytesOf(app, target, moved))).toContain('-rw-r--r-- src/New.php')
  })

  test('CO-074 of an unpublished commit is built by its full or abbreviated id', async () => {
    const { app, repository, target, commit, sync } = await published()
    const [parent = ''] = await repository.commit(packageCommit({}, { 'a.txt': 'a' }))
    const [child = ''] = await repository.commit({ ...packageCommit({}, { 'b.txt': 'b' }), parent })
    await repository.setRefs({ 'refs/heads/main': child })
    await sync()
    await app.runJobs()
    expect(await findDist(app.test.database.read, target.id, parent)).toBeNull()

    await buildArchive(app.ctx(SYSTEM), { package: target.id, reference: parent.slice(0, 10) }, tools())

    expect(await listZip(await bytesOf(app, target, parent))).toContain('-rw-r--r-- a.txt')
    expect(commit).not.toBe(parent)
  })

  test('abuse 32, CO-085: however many ask, one job builds it', async () => {
    const { app, target, commit } = await published()
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')

    const jobs = await Promise.all(
      Array.from({ length: 50 }, () => requestArchive(app.ctx(), { package: target, reference: commit })),
    )

    expect(new Set(jobs).size).toBe(1)
    await app.runJobs()
    expect(app.events.filter((event) => event.type === 'dist.built')).toHaveLength(2)
  })

  test('of a commit that does not exist is refused, and a reference that is no commit id asks nobody', async () => {
    const { app, target } = await published()

    expect(buildArchive(app.ctx(SYSTEM), { package: target.id, reference: 'f'.repeat(40) }, tools())).rejects.toMatchObject({
      code: 'dist_not_found',
    })
    for (const reference of ['main', '../../etc/passwd', '--output=x', 'abc', 'F'.repeat(40)]) {
      expect(await requestArchive(app.ctx(), { package: target, reference })).toBeNull()
    }
  })

  test('that would be larger than the limit is refused before it is read', async () => {
    const { app, target, commit } = await published({ 'big.txt': 'x'.repeat(5000) })
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')
    const ctx = { ...app.ctx(SYSTEM), limits: { ...app.ports.limits, archiveBytes: 1000 } }

    expect(buildArchive(ctx, { package: target.id, reference: commit }, tools())).rejects.toMatchObject({
      code: 'archive_too_large',
    })
  })

  test('abuse 54: storage that refuses writes leaves nothing recorded', async () => {
    const { app, target, commit } = await published()
    const dist = await findDist(app.test.database.read, target.id, commit)
    await app.blobs.remove(dist?.sha256 ?? '')
    app.blobs.refuseWrites('no space left')

    expect(buildArchive(app.ctx(SYSTEM), { package: target.id, reference: commit }, tools())).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
    await Bun.sleep(300)
    app.blobs.refuseWrites(null)
    await buildArchive(app.ctx(SYSTEM), { package: target.id, reference: commit }, tools())
    expect(await bytesOf(app, target, commit)).toBeInstanceOf(Uint8Array)
  })
})
