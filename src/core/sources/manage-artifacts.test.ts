import { beforeEach, describe, expect, test } from 'bun:test'
import { SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { packageArchive } from '../../../test/kit/archives.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'
import { createUploads, digest, type Uploads } from '../../../test/kit/uploads.ts'
import { createDeflateCache } from '../../composer/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage, requestArchive } from '../packages/index.ts'
import { buildArchive } from './build-archive.ts'
import { scrubBlobs } from './maintain-blobs.ts'
import { listArtifacts, removeArtifact } from './manage-artifacts.ts'
import { getSource, listSources, removeSource, requestSync } from './manage-sources.ts'

let app: TestApp
let organization: OrganizationId
let uploads: Uploads

beforeEach(async () => {
  uploads = await createUploads()
  ;({ app, organization } = uploads)
})

describe('a removed version', () => {
  const bytes = packageArchive({ version: '1.0.0' })
  const remove = (version = '1.0', name = 'ACME/http', actor?: Actor) =>
    removeArtifact(app.ctx(actor), { organization, name, version })

  test('is hidden, can be downloaded, and comes back with the same bytes only', async () => {
    await uploads.upload(bytes)
    await uploads.upload(packageArchive({ version: '2.0.0' }))

    await remove()

    expect((await uploads.metadata()).map(({ version }) => version)).toEqual(['2.0.0'])
    expect(await uploads.download(digest('sha1', bytes))).toEqual(Buffer.from(bytes))
    const { items } = await listArtifacts(app.ctx(), { organization, name: null, page: { limit: 10, after: null } })
    expect(items.map(({ version, state }) => [version, state])).toEqual([
      ['1.0.0', 'removed'],
      ['2.0.0', 'current'],
    ])
    await expect(uploads.upload(packageArchive({ version: '1.0.0' }, { content: 'other' }))).rejects.toMatchObject({
      code: 'version_exists',
    })
    expect(await uploads.upload(bytes)).toMatchObject({ outcome: 'restored' })
    expect((await uploads.metadata()).map(({ version }) => version)).toEqual(['2.0.0', '1.0.0'])
  })

  test('must be there, and uploaded', async () => {
    await uploads.upload(bytes)
    await buildPackage(app, { organization, name: 'acme/git' })

    await expect(remove('3.0')).rejects.toMatchObject({ code: 'version_not_found' })
    await expect(remove('nonsense!')).rejects.toMatchObject({ code: 'version_not_found' })
    await expect(remove('1.0', 'acme/absent')).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(remove('1.0.0', 'acme/git')).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'package' } })
    await remove()
    await expect(remove()).rejects.toMatchObject({ code: 'version_not_found' })
  })

  test('cannot be removed by somebody without the right', async () => {
    await uploads.upload(bytes)
    const limited = (await app.token(organization, 'update', ['other/*'])).actor

    await expect(remove('1.0', 'acme/http', limited)).rejects.toMatchObject({ code: 'forbidden' })
    await remove('1.0', 'acme/http', (await app.token(organization, 'update', ['acme/*'])).actor)
  })
})

describe('an uploaded archive whose bytes got lost', () => {
  const bytes = packageArchive({ version: '1.0.0' })
  const sha1 = digest('sha1', bytes)
  const sha256 = digest('sha256', bytes)

  test('is unavailable with a clear log and without a job, until the same file is uploaded again', async () => {
    await uploads.upload(bytes)
    await app.blobs.remove(sha256)

    await expect(uploads.download(sha1)).rejects.toMatchObject({ code: 'archive_failed' })
    expect(app.warnings.splice(0).join('')).toContain('upload the same file again to bring it back')
    expect(await uploads.upload(bytes)).toMatchObject({ outcome: 'unchanged' })
    expect(await uploads.download(sha1)).toEqual(Buffer.from(bytes))
  })

  test('is reported by a scrub, which removes damaged bytes and starts no build', async () => {
    await uploads.upload(bytes)
    app.blobs.damage(sha256)
    const report = memoryReport()

    expect(await scrubBlobs(app.ctx(SYSTEM), report)).toEqual({ damaged: 1, missing: 0 })
    expect(await scrubBlobs(app.ctx(SYSTEM), report)).toEqual({ damaged: 0, missing: 1 })

    expect(app.warnings.splice(0)).toHaveLength(2)
    expect(report.lines.join()).toContain('upload the same file again')
    expect(app.events.filter(({ type }) => type === 'dist.lost')).toHaveLength(2)
    expect(await app.test.database.read.selectFrom('jobs').selectAll().execute()).toEqual([])
  })

  test('is not looked for in a repository by a job that was asked for anyway', async () => {
    await uploads.upload(bytes)
    await app.blobs.remove(sha256)
    const target = await findPackage(app.ctx().db, organization, 'acme/http')
    if (target === null) throw new Error('The package is missing.')
    const tools = { report: memoryReport(), cache: createDeflateCache(1000) }

    await expect(buildArchive(app.ctx(SYSTEM), { package: target.id, reference: sha1 }, tools)).rejects.toMatchObject({
      code: 'dist_not_found',
    })
    await requestArchive(app.ctx(), { package: target, reference: sha1 })
    await app.runJobs()
    app.expectFailedJobs(1)
    app.warnings.length = 0
  })

  test('is told apart from one that never was', async () => {
    await uploads.upload(bytes)

    await expect(uploads.download('0'.repeat(40))).rejects.toMatchObject({ code: 'dist_not_found' })
    await expect(uploads.download('1234567')).rejects.toMatchObject({ code: 'dist_not_found' })
  })
})

describe('the source of uploads', () => {
  test('is one for each package, has nothing to sync, and is removed with everything', async () => {
    await uploads.upload(packageArchive({ version: '1.0.0' }))
    await uploads.upload(packageArchive({ version: '2.0.0' }))
    await uploads.upload(packageArchive({ version: '1.0.0', name: 'acme/log' }))

    const { items } = await listSources(app.ctx(), { organization, page: { limit: 10, after: null } })

    expect(items.map(({ kind, url }) => [kind, url])).toEqual([
      ['artifact', 'artifact://acme/http'],
      ['artifact', 'artifact://acme/log'],
    ])
    const source = await getSource(app.ctx(), { organization, uid: items[0]?.uid ?? '' })
    await expect(requestSync(app.ctx(), source)).rejects.toMatchObject({ code: 'invalid_input' })
    await removeSource(app.ctx(), source)
    expect(await findPackage(app.ctx().db, organization, 'acme/http')).toBeNull()
    const left = await listArtifacts(app.ctx(), { organization, name: null, page: { limit: 10, after: null } })
    expect(left.items.map(({ packageName }) => packageName)).toEqual(['acme/log'])
  })

  test('of one organization says nothing about another', async () => {
    const other = await app.organization('other')
    await uploads.upload(packageArchive({ version: '1.0.0' }))
    await uploads.upload(packageArchive({ version: '1.0.0' }, { content: 'theirs' }), { organization: other.id })

    const { items } = await listArtifacts(app.ctx(), { organization: other.id, name: null, page: { limit: 10, after: null } })

    expect(items).toHaveLength(1)
    expect(await uploads.metadata()).toHaveLength(1)
  })
})
