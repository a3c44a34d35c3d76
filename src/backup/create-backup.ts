/**
 * A backup is consistent while the server runs. All rows come from one snapshot of the database. What rows name besides is immutable: an
 * archive is its own name, and no commit leaves a mirror. Both may only vanish when nothing refers to them any more; a hold keeps archives
 * until the backup has read them. The order is rows, then archives, then mirrors, so whatever a row of the snapshot names is older than the
 * moment at which it is copied.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../compose.ts'
import { holdBlobs, releaseBlobs } from '../core/instance/index.ts'
import type { Ctx } from '../core/kernel/ctx.ts'
import type { BlobReader } from '../core/kernel/ports.ts'
import type { Db } from '../core/kernel/schema.ts'
import { createBackupWriter, type BackupWriter } from '../platform/backup/backup-writer.ts'
import { listMirrorFiles } from '../platform/backup/mirror-files.ts'
import { readSnapshot, type DatabasePlace } from '../platform/backup/snapshot.ts'
import { onStorage } from '../platform/blobs/storage-errors.ts'
import { loadOrCreateKey } from '../platform/crypto/secret-key.ts'
import {
  KEY_NAME,
  MANIFEST_NAME,
  TRAILER_NAME,
  type BackupManifest,
  type BackupSummary,
  type BackupTrailer,
  type OnProgress,
} from './backup-documents.ts'
import { BACKUP_TABLES } from './backup-tables.ts'
import { describeSnapshot, readParts } from './read-rows.ts'
import { selectBlobNames, selectMirrors } from './rows.sql.ts'

/** What a backup is to hold, and where it goes. */
export interface CreateBackup {
  path: string
  withMirrors: boolean
  /** Puts the key into the backup, which opens every secret in it. */
  withKey: boolean
  onProgress: OnProgress
}

const CHUNK = 1024 * 1024
const RENEW_HOLD = 60_000

/** What is being written; `members` and `lost` become the trailer. */
interface Draft {
  app: App
  request: CreateBackup
  writer: BackupWriter
  members: BackupTrailer['members']
  lost: BackupTrailer['lost']
  /** Keeps the archives from being collected; cheap to call. */
  hold: () => Promise<void>
}

/** What the snapshot leaves to be copied after it. `blobs` are digests of 32 bytes each, in order. */
interface Named {
  manifest: BackupManifest
  blobs: Buffer[]
  mirrors: string[]
}

/**
 * Writes a backup of an opened installation to a new file of mode 0600, beside a running server. The file appears complete or not at all.
 * Throws `BackupExists`, `storage_unavailable`.
 */
export async function createBackup(app: App, ctx: Ctx, request: CreateBackup): Promise<BackupSummary> {
  const writer = await createBackupWriter(request.path)
  const hold = createHold(app)
  try {
    const draft: Draft = { app, request, writer, members: [], lost: [], hold: hold.renew }
    await hold.renew()
    const named = await readSnapshot(placeOf(app), (db) => writeRows(draft, db))
    const blobs = await writeBlobs(draft, named.blobs)
    const mirrors = request.withMirrors ? await writeMirrors(draft, named.mirrors) : 0
    if (request.withKey) {
      await addMember(draft, KEY_NAME, Buffer.from(`${Buffer.from(loadKey(app)).toString('hex')}\n`))
    }
    const trailer: BackupTrailer = { members: draft.members, blobs, lost: draft.lost }
    await writer.add(TRAILER_NAME, ...sized(trailer))
    request.onProgress({ step: 'Finishing', done: 0, total: null })
    const bytes = await writer.finish()
    request.onProgress({ step: 'Finishing', done: 1, total: null })
    await ctx.transaction((tx) =>
      tx.record({ type: 'instance.backed-up', organization: null, backup: named.manifest.id, withKey: request.withKey }),
    )
    return summarize(named.manifest, { blobs: blobs.count, mirrors, bytes, hasKey: request.withKey, lost: draft.lost })
  } finally {
    await writer.abandon()
    await hold.release()
  }
}

/** A manifest in numbers. */
export function summarize(
  { id, version, createdAt, database, tables }: BackupManifest,
  rest: Pick<BackupSummary, 'blobs' | 'mirrors' | 'bytes' | 'hasKey' | 'lost'>,
): BackupSummary {
  const counts = Object.fromEntries(tables.map(({ name, rows }) => [name, rows]))
  return { id, version, createdAt, database, tables: counts, ...rest }
}

function createHold(app: App): { renew: () => Promise<void>; release: () => Promise<void> } {
  const { database, clock } = app.ports
  let until = 0
  let renewAt = 0
  return {
    async renew() {
      if (clock.now() >= renewAt) {
        renewAt = clock.now() + RENEW_HOLD
        until = await holdBlobs(database.write, clock.now())
      }
    },
    release: () => releaseBlobs(database.write, until),
  }
}

function placeOf({ config }: App): DatabasePlace {
  return config.databaseUrl === null
    ? { kind: 'sqlite', path: join(config.dataDirectory, 'repertoire.db') }
    : { kind: 'postgres', url: config.databaseUrl }
}

function loadKey({ config }: App): Uint8Array {
  return loadOrCreateKey(config.dataDirectory, config.secretKey ?? undefined).key
}

function sized(document: unknown): [size: number, bytes: Uint8Array] {
  const bytes = Buffer.from(JSON.stringify(document))
  return [bytes.length, bytes]
}

async function addMember(draft: Draft, name: string, bytes: Uint8Array): Promise<void> {
  draft.members.push({ name, sha256: await draft.writer.add(name, bytes.length, bytes) })
}

async function writeRows(draft: Draft, db: Db): Promise<Named> {
  const manifest = await describeSnapshot(draft.app, db, { kind: placeOf(draft.app).kind, key: loadKey(draft.app) })
  await addMember(draft, MANIFEST_NAME, Buffer.from(JSON.stringify(manifest)))
  const total = manifest.tables.map(({ rows }) => rows).reduce((sum, rows) => sum + rows, 0)
  let done = 0
  for (const table of BACKUP_TABLES) {
    const columns = manifest.tables.find(({ name }) => name === table.name)?.columns ?? []
    for await (const { bytes, rows, part } of readParts(db, table, columns)) {
      await addMember(draft, `tables/${table.name}/${String(part).padStart(6, '0')}.ndjson`, bytes)
      done += rows
      draft.request.onProgress({ step: 'Writing tables', done, total })
      await draft.hold()
    }
  }
  const blobs: Buffer[] = []
  for await (const names of selectBlobNames(db)) {
    blobs.push(Buffer.from(names.join(''), 'hex'))
  }
  return { manifest, blobs, mirrors: await selectMirrors(db) }
}

async function writeBlobs(draft: Draft, digests: readonly Buffer[]): Promise<BackupTrailer['blobs']> {
  const total = digests.map(({ length }) => length / 32).reduce((sum, count) => sum + count, 0)
  const names = createHash('sha256')
  let done = 0
  let count = 0
  for (const batch of digests) {
    for (let start = 0; start < batch.length; start += 32) {
      const sha256 = batch.subarray(start, start + 32).toString('hex')
      const state = await writeBlob(draft, sha256)
      if (state !== 'missing') {
        count += 1
        names.update(`${sha256}\n`)
      }
      if (state !== 'written') {
        draft.lost.push({ sha256, state })
      }
      done += 1
      draft.request.onProgress({ step: 'Writing archives', done, total })
      await draft.hold()
    }
  }
  return { count, sha256: names.digest('hex') }
}

async function writeBlob({ app, writer, hold }: Draft, sha256: string): Promise<'written' | 'missing' | 'damaged'> {
  const place = await app.ports.blobs.locate(sha256)
  if (place === null) {
    return 'missing'
  }
  if (place.kind !== 'file') {
    const size = place.kind === 'bytes' ? place.bytes.byteLength : place.size
    const found = await writer.add(`blobs/${sha256}`, size, place.kind === 'bytes' ? place.bytes : readRemote(place, hold))
    return found === sha256 ? 'written' : 'damaged'
  }
  const file = await onStorage(() => open(place.path, 'r'))
  try {
    const { size } = await file.stat()
    const found = await writer.add(`blobs/${sha256}`, size, readFile(file, size, hold))
    return found === sha256 ? 'written' : 'damaged'
  } finally {
    await file.close()
  }
}

/** Exactly `size` bytes: where the disk cannot read its own file, zeros, so that one bad sector does not cost the whole backup. */
async function* readFile(
  file: Awaited<ReturnType<typeof open>>,
  size: number,
  hold: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; position < size;) {
    const buffer = Buffer.alloc(Math.min(CHUNK, size - position))
    const bytesRead = await file.read(buffer, 0, buffer.length, position).then(
      (result) => result.bytesRead,
      () => 0,
    )
    const chunk = bytesRead === 0 ? buffer : buffer.subarray(0, bytesRead)
    yield chunk
    position += chunk.length
    await hold()
  }
}

/** Exactly `size` bytes from an object store, which tries again by itself; when it still fails there is no backup. */
async function* readRemote(
  { size, read }: { size: number; read: BlobReader },
  hold: () => Promise<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; position < size;) {
    const bytes = await read(position, CHUNK)
    yield bytes
    position += bytes.length
    await hold()
  }
}

async function writeMirrors(draft: Draft, mirrors: readonly string[]): Promise<number> {
  const root = join(draft.app.config.dataDirectory, 'git')
  let done = 0
  let count = 0
  for (const mirror of mirrors) {
    let files = 0
    for await (const { name, size, content } of listMirrorFiles(root, mirror)) {
      const path = `mirrors/${mirror}/${name}`
      draft.members.push({ name: path, sha256: await draft.writer.add(path, size, content) })
      files += 1
      await draft.hold()
    }
    count += files > 0 ? 1 : 0
    done += 1
    draft.request.onProgress({ step: 'Writing mirrors', done, total: mirrors.length })
  }
  return count
}
