/** Abuse 59: garbage is collected while archives are downloaded and built. Blobs are files, the database is real. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync, utimesSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { createCtx, SYSTEM, type Ports } from '../../src/app.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import type { PackageId } from '../../src/core/kernel/values.ts'
import { createDeflateCache } from '../../src/composer/index.ts'
import { buildArchive, collectBlobs } from '../../src/core/sources/index.ts'
import { createDiskBlobs, type DiskBlobs } from '../../src/platform/blobs/disk.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createGitSource, memoryReport, packageCommit, temporaryRepository, type GitSource } from '../kit/git-source.ts'
import { TEST_ORIGIN } from './installation.ts'

const DAY = 24 * 3_600_000
const ROUNDS = 30

let directory: string
beforeEach(() => {
  directory = scratchDirectory('collect')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Store {
  source: GitSource
  ctx: Ctx
  blobs: DiskBlobs
  package: PackageId
  reference: string
}

/** A synced source whose archives are then built into files. */
async function createStore(): Promise<Store> {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({}, { 'src/A.php': '<?php // A\n'.repeat(20_000) }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
  const source = await createGitSource(repository)
  const { app } = source
  const blobs = createDiskBlobs({ root: directory, clock: app.clock, log: app.ports.log })
  const ports: Ports = { ...app.ports, blobs }
  const { id } = await app.ctx().db.selectFrom('packages').select('id').executeTakeFirstOrThrow()
  return { source, ctx: createCtx(ports, SYSTEM, TEST_ORIGIN), blobs, package: id, reference: commit }
}

async function build({ ctx, ...store }: Store): Promise<string> {
  await buildArchive(
    ctx,
    { package: store.package, reference: store.reference },
    { report: memoryReport(), cache: createDeflateCache(0) },
  )
  const { sha256 } = await ctx.db
    .selectFrom('dists')
    .select('sha256')
    .where('reference', '=', store.reference)
    .executeTakeFirstOrThrow()
  return sha256 ?? ''
}

async function pathOf(blobs: DiskBlobs, sha256: string): Promise<string> {
  const place = await blobs.locate(sha256)
  if (place?.kind !== 'file') {
    throw new Error('The blob is not a file.')
  }
  return place.path
}

/** Puts the time at which a blob was stored before the test's clock. */
async function age({ blobs, ctx }: Store, sha256: string, by: number): Promise<void> {
  const seconds = (ctx.now - by) / 1000
  utimesSync(await pathOf(blobs, sha256), seconds, seconds)
}

async function putText(blobs: DiskBlobs, text: string): Promise<string> {
  const content = async function* () {
    yield new TextEncoder().encode(text)
  }
  return (await blobs.put(content())).sha256
}

test('what an archive refers to is never removed; the rest is after a day', async () => {
  const store = await createStore()
  const archive = await build(store)
  const [young, old] = [await putText(store.blobs, 'young'), await putText(store.blobs, 'old')]
  await age(store, archive, 30 * DAY)
  await age(store, young, DAY - 60_000)
  await age(store, old, DAY + 60_000)

  expect(await collectBlobs(store.ctx, memoryReport())).toEqual({ removed: 1 })

  expect(await store.blobs.verify(archive)).toBe('intact')
  expect(await store.blobs.verify(young)).toBe('intact')
  expect(await store.blobs.verify(old)).toBe('missing')
})

test('a removed version keeps its archive, because lock files refer to it', async () => {
  const store = await createStore()
  const archive = await build(store)
  await age(store, archive, 30 * DAY)
  const [next = ''] = await store.source.repository.commit(packageCommit({ description: 'next' }))
  await store.source.repository.setRefs({ 'refs/heads/main': next, 'refs/tags/v1.0.0': null })
  await store.source.sync()
  await store.source.app.runJobs()

  expect(await collectBlobs(store.ctx, memoryReport())).toEqual({ removed: 0 })

  expect(await store.blobs.verify(archive)).toBe('intact')
})

test('a download that began before its blob was removed is complete and right', async () => {
  const store = await createStore()
  const sha256 = await putText(store.blobs, 'a long archive '.repeat(500_000))
  const path = await pathOf(store.blobs, sha256)
  const server = Bun.serve({ port: 0, fetch: () => new Response(Bun.file(path)) })
  const [handle, response] = [await open(path), await fetch(server.url)]
  const reader = response.body!.getReader()
  const first = await reader.read()
  await age(store, sha256, 2 * DAY)

  expect(await collectBlobs(store.ctx, memoryReport())).toEqual({ removed: 1 })

  const hash = new Bun.SHA256()
  for (let part = first; !part.done; part = await reader.read()) {
    hash.update(part.value)
  }
  expect(hash.digest('hex')).toBe(sha256)
  expect(Bun.SHA256.hash(await handle.readFile(), 'hex')).toBe(sha256)
  await handle.close()
  await server.stop(true)
})

test('collecting while the same bytes are built again ends with the archive there, or with one that the next request builds', async () => {
  const store = await createStore()
  const archive = await build(store)
  const bytes = await readFile(await pathOf(store.blobs, archive))
  const write = store.source.app.test.database.write

  for (let round = 0; round < ROUNDS; round += 1) {
    // As after a crash between the blob and its row: an old blob that nothing refers to.
    await write.updateTable('dists').set({ sha256: null, sha1: null, size: null, built_at: null }).execute()
    await store.blobs.put(onePiece(bytes))
    await age(store, archive, 2 * DAY)
    const collecting = Bun.sleep(round % 6).then(() => collectBlobs(store.ctx, memoryReport()))
    expect(await build(store)).toBe(archive)
    await collecting
    // A removal that was decided before the build stored the bytes may have taken them.
    expect(await build(store)).toBe(archive)
    expect(await store.blobs.verify(archive)).toBe('intact')
  }
}, 60_000)

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
