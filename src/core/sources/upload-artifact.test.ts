import { beforeEach, describe, expect, test } from 'bun:test'
import { SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildZip, packageArchive } from '../../../test/kit/archives.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'
import { createUploads, digest, type Uploads } from '../../../test/kit/uploads.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage } from '../packages/index.ts'
import { collectBlobs } from './maintain-blobs.ts'
import { listArtifacts } from './manage-artifacts.ts'
import { listSources } from './manage-sources.ts'

let app: TestApp
let organization: OrganizationId
let uploads: Uploads

beforeEach(async () => {
  uploads = await createUploads()
  ;({ app, organization } = uploads)
})

describe('CO-126 an upload', () => {
  test.each(['zip', 'tar', 'tar.gz'] as const)(
    'CO-087 of a %s is a version whose archive are the bytes that were uploaded',
    async (format) => {
      const bytes = packageArchive({ version: '1.2.0', description: 'HTTP' }, { format })

      const { artifact, outcome } = await uploads.upload(bytes, { fileName: `http.${format}` })

      const sha1 = digest('sha1', bytes)
      expect(outcome).toBe('published')
      expect(artifact).toMatchObject({
        packageName: 'acme/http',
        version: '1.2.0',
        reference: sha1,
        format,
        size: bytes.length,
        sha256: digest('sha256', bytes),
        state: 'current',
        fileName: `http.${format}`,
      })
      const [version] = await uploads.metadata()
      expect(version).toMatchObject({
        version: '1.2.0',
        description: 'HTTP',
        dist: {
          type: format === 'zip' ? 'zip' : 'tar',
          url: `https://r/acme/dists/acme/http/1.2.0/${sha1}.${format}`,
          reference: sha1,
          shasum: sha1,
        },
      })
      expect(version).not.toHaveProperty('source')
      expect(version).not.toHaveProperty('time')
      expect(await uploads.download(sha1)).toEqual(Buffer.from(bytes))
      expect(await uploads.download(sha1.slice(0, 12))).toEqual(Buffer.from(bytes))
    },
  )

  test('CO-075 in one top directory is published as it is', async () => {
    const bytes = packageArchive({ version: '1.0.0' }, { directory: 'http-1.0.0/' })

    expect(await uploads.upload(bytes)).toMatchObject({ outcome: 'published' })
  })

  test('takes the version from the uploader when composer.json has none', async () => {
    const { artifact } = await uploads.upload(packageArchive({}), { expected: { name: 'acme/http', version: 'v2.0' } })

    expect(artifact).toMatchObject({ version: 'v2.0', normalized: '2.0.0.0' })
    await expect(uploads.upload(packageArchive({}))).rejects.toMatchObject({
      code: 'manifest_refused',
      details: { problem: 'it has no version, and none was given with the upload' },
    })
  })

  test('adds to the versions that are there; the highest describes the package', async () => {
    await uploads.upload(packageArchive({ version: '2.0.0', description: 'two', type: 'project', provide: { 'acme/two': '1' } }))
    await uploads.upload(packageArchive({ version: '1.0.0', description: 'one' }))

    expect((await uploads.metadata()).map(({ version }) => version)).toEqual(['2.0.0', '1.0.0'])
    expect(await findPackage(app.ctx().db, organization, 'acme/http')).toMatchObject({ description: 'two', type: 'project' })
    await uploads.upload(packageArchive({ version: '3.0.0', description: 'three' }))
    expect(await findPackage(app.ctx().db, organization, 'acme/http')).toMatchObject({ description: 'three', type: 'library' })
  })

  test('of a development version has its reference in a place of the URL and no checksum', async () => {
    const bytes = packageArchive({ version: 'dev-main' }, { format: 'tar.gz' })

    await uploads.upload(bytes)

    expect((await uploads.metadata())[0]).toMatchObject({
      version: 'dev-main',
      dist: { type: 'tar', url: 'https://r/acme/dists/acme/http/dev-main/%reference%.tar.gz', reference: digest('sha1', bytes) },
    })
  })

  test('records what happened', async () => {
    app.events.length = 0

    await uploads.upload(packageArchive({ version: '1.0.0' }))

    expect(app.events.map(({ type }) => type)).toEqual([
      'source.added',
      'package.created',
      'version.published',
      'artifact.uploaded',
    ])
  })

  test('returns the faults of composer.json that did not prevent it', async () => {
    const { problems } = await uploads.upload(packageArchive({ version: '1.0.0', homepage: 'nowhere' }))

    expect(problems).toEqual([expect.stringContaining('homepage')])
  })
})

describe('abuse 22: a version that is uploaded again', () => {
  const first = packageArchive({ version: '1.0.0' }, { content: 'first' })
  const second = packageArchive({ version: '1.0.0' }, { content: 'second' })

  test('with the same bytes changes nothing', async () => {
    const { artifact } = await uploads.upload(first)
    const before = await findPackage(app.ctx().db, organization, 'acme/http')

    const again = await uploads.upload(first, { fileName: 'other-name.zip' })

    expect(again).toMatchObject({ outcome: 'unchanged', artifact: { uid: artifact.uid, fileName: 'http.zip' } })
    expect(await findPackage(app.ctx().db, organization, 'acme/http')).toEqual(before)
  })

  test('with other bytes is refused, and the original is untouched', async () => {
    await uploads.upload(first)

    await expect(uploads.upload(second)).rejects.toMatchObject({
      code: 'version_exists',
      details: { name: 'acme/http', version: '1.0.0' },
    })

    expect(await uploads.metadata()).toMatchObject([{ dist: { shasum: digest('sha1', first) } }])
    expect(await uploads.countBlobs()).toBe(1)
    expect(app.blobs.countStaged()).toBe(0)
  })

  test('with other bytes under another spelling of the version is refused as well', async () => {
    await uploads.upload(first)

    for (const version of ['v1.0', '1.0.0.0', '01.0.0']) {
      await expect(uploads.upload(packageArchive({ version }))).rejects.toMatchObject({ code: 'version_exists' })
    }
  })

  test('with other bytes replaces it when that is asked for, and the old archive stays', async () => {
    await uploads.upload(first)

    const { outcome } = await uploads.upload(second, { onExisting: 'replace' })

    expect(outcome).toBe('replaced')
    expect(await uploads.metadata()).toMatchObject([{ dist: { shasum: digest('sha1', second) } }])
    expect(await uploads.download(digest('sha1', first))).toEqual(Buffer.from(first))
    expect(app.events.map(({ type }) => type)).toContain('version.reference-changed')
    const listed = await listArtifacts(app.ctx(), { organization, name: 'acme/http', page: { limit: 10, after: null } })
    expect(listed.items.map(({ state }) => state)).toEqual(['replaced', 'current'])
  })

  test('keeps the old archive through the collection of garbage', async () => {
    await uploads.upload(first)
    await uploads.upload(second, { onExisting: 'replace' })
    app.clock.advance('3 days')

    expect(await collectBlobs(app.ctx(SYSTEM), memoryReport())).toEqual({ removed: 0 })
  })
})

describe('an upload is refused', () => {
  async function expectNothing(): Promise<void> {
    expect(await uploads.countBlobs()).toBe(0)
    expect(app.blobs.countStaged()).toBe(0)
    expect(await findPackage(app.ctx().db, organization, 'acme/http')).toBeNull()
    expect((await listSources(app.ctx(), { organization, page: { limit: 10, after: null } })).items).toEqual([])
  }

  test('abuse 21: when it is not the name or version that was asked for', async () => {
    const bytes = packageArchive({ version: '1.0.0' })

    await expect(uploads.upload(bytes, { expected: { name: 'acme/log', version: null } })).rejects.toMatchObject({
      code: 'upload_mismatch',
      details: { field: 'name', found: 'acme/http', expected: 'acme/log' },
    })
    await expect(uploads.upload(bytes, { expected: { name: null, version: '1.0.1' } })).rejects.toMatchObject({
      code: 'upload_mismatch',
      message: 'The archive has the version 1.0.0, but it was uploaded as 1.0.1.',
    })
    await expectNothing()
  })

  test('abuse 23: when it breaks off, and nothing is left', async () => {
    const bytes = packageArchive({ version: '1.0.0' })
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, Math.floor(bytes.length * 0.99))
      throw new Error('connection lost')
    }

    await expect(uploads.upload(bytes, { content: broken() })).rejects.toThrow('connection lost')
    await expect(uploads.upload(bytes.subarray(0, Math.floor(bytes.length * 0.99)))).rejects.toMatchObject({
      code: 'archive_refused',
    })
    await expectNothing()
  })

  test('abuse 23: when its checksum is not the announced one', async () => {
    const bytes = packageArchive({ version: '1.0.0' })
    const expected = digest('sha256', Buffer.from('other'))

    await expect(uploads.upload(bytes, { sha256: expected })).rejects.toMatchObject({
      code: 'checksum_mismatch',
      details: { found: digest('sha256', bytes), expected },
    })
    await expect(uploads.upload(bytes, { sha256: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_input' })
    await expectNothing()
    expect(await uploads.upload(bytes, { sha256: digest('sha256', bytes).toUpperCase() })).toMatchObject({ outcome: 'published' })
  })

  test('abuse 18: with the entry and the rule when its archive is dangerous', async () => {
    const bytes = buildZip([{ name: 'composer.json', data: '{}' }, { name: '../evil.php' }])

    await expect(uploads.upload(bytes)).rejects.toMatchObject({
      code: 'archive_refused',
      details: { rule: 'unsafe_path', problem: '"../evil.php": the path contains ".."' },
    })
    await expectNothing()
  })

  test('abuse 19: when it is over a limit', async () => {
    const many = buildZip(Array.from({ length: 20_001 }, (_, index) => ({ name: `${index}`, method: 0 })))
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(1024 * 1024)
    }

    await expect(uploads.upload(many)).rejects.toMatchObject({ code: 'archive_too_large', details: { limit: '20000 entries' } })
    await expect(uploads.upload(many, { content: endless() })).rejects.toMatchObject({
      code: 'archive_too_large',
      kind: 'too_large',
    })
    await expectNothing()
  })

  test('when another source publishes the package', async () => {
    await buildPackage(app, { organization, name: 'acme/http' })

    await expect(uploads.upload(packageArchive({ version: '9.0.0' }), { onExisting: 'replace' })).rejects.toMatchObject({
      code: 'package_taken',
      details: { name: 'acme/http' },
    })

    expect(await uploads.countBlobs()).toBe(0)
  })

  test('when its file name is none', async () => {
    for (const fileName of ['', 'a/b', 'a\\b', 'a\nb', 'x'.repeat(256)]) {
      await expect(uploads.upload(packageArchive({ version: '1.0.0' }), { fileName })).rejects.toMatchObject({
        code: 'invalid_input',
      })
    }
  })

  test('when storage refuses it', async () => {
    app.blobs.refuseWrites('the disk is full')

    await expect(uploads.upload(packageArchive({ version: '1.0.0' }))).rejects.toMatchObject({ code: 'storage_unavailable' })

    app.blobs.refuseWrites(null)
    await expectNothing()
  })

  test('from whoever has no right, before anything is received', async () => {
    const other = await app.organization('other')
    const unread = {
      [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
        throw new Error('This must not be read.')
      },
    }
    const actors: Actor[] = [
      (await app.token(organization, 'read')).actor,
      (await app.token(other.id, 'update')).actor,
      (await app.token(organization, 'read', ['acme/*'])).actor,
    ]

    for (const actor of actors) {
      await expect(uploads.upload(new Uint8Array(), { content: unread }, actor)).rejects.toMatchObject({ kind: 'forbidden' })
      await expect(
        listArtifacts(app.ctx(actor), { organization, name: null, page: { limit: 1, after: null } }),
      ).rejects.toMatchObject({ kind: 'forbidden' })
    }
    await expect(uploads.upload(new Uint8Array(), { content: unread }, { kind: 'anonymous' })).rejects.toMatchObject({
      code: 'unauthenticated',
    })
  })

  test('from a limited token for a package that its patterns do not cover', async () => {
    const { actor } = await app.token(organization, 'update', ['acme/log', 'acme/cache*'])

    await expect(uploads.upload(packageArchive({ version: '1.0.0' }), {}, actor)).rejects.toMatchObject({ kind: 'forbidden' })
    await expectNothing()
    const covered = packageArchive({ version: '1.0.0', name: 'acme/cache-redis' })
    expect(await uploads.upload(covered, {}, actor)).toMatchObject({ outcome: 'published' })
  })
})
