/** What an installation holds, read by a process that opens it after another one was killed; and what must hold of it. */
import { Database as SqliteDatabase } from 'bun:sqlite'
import { expect } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createDiskBlobs } from '../../src/platform/blobs/disk.ts'
import { createTestClock } from '../../src/platform/clock/test-clock.ts'
import { openSqliteDatabase } from '../../src/platform/db/database.ts'
import { recordingLog } from '../races/queue-kit.ts'

/** The visible versions and the built archives of one organization. */
export interface Published {
  versions: { version: string; reference: string; isDefault: number; manifest: string }[]
  /** SHA-256 by reference; null while not built. */
  archives: Record<string, string | null>
}

/** What may only grow. */
export interface Grown {
  events: string[]
  succeeded: number[]
  /** By id: revision and modified_at. */
  packages: Map<number, [revision: number, modifiedAt: number]>
  syncs: number
  jobs: number[]
}

interface CrashRecord {
  published: Published
  grown: Grown
  /** Jobs that did not succeed. */
  open: { kind: string; state: string }[]
}

/** Opens the installation anew, which replays the database's log, checks that nothing in it is half, and reads it. */
export async function readRecord(data: string, organization: string): Promise<CrashRecord> {
  const path = join(data, 'repertoire.db')
  expectIntact(path)
  const database = openSqliteDatabase(path)
  try {
    const db = database.read
    const versions = await db
      .selectFrom('versions')
      .innerJoin('packages', 'packages.id', 'versions.package_id')
      .innerJoin('organizations', 'organizations.id', 'packages.organization_id')
      .leftJoin('manifests', 'manifests.id', 'versions.manifest_id')
      .leftJoin('dists', (join) =>
        join.onRef('dists.package_id', '=', 'packages.id').onRef('dists.reference', '=', 'versions.reference'),
      )
      .select(['versions.version', 'versions.reference', 'default_branch as isDefault', 'removed_at', 'body', 'dists.id as dist'])
      .where('slug', '=', organization)
      .orderBy('normalized')
      .execute()
    expect(versions.filter((version) => version.body === null || version.dist === null)).toEqual([])
    const dists = await db
      .selectFrom('dists')
      .innerJoin('packages', 'packages.id', 'dists.package_id')
      .innerJoin('organizations', 'organizations.id', 'packages.organization_id')
      .select(['reference', 'sha256'])
      .where('slug', '=', organization)
      .orderBy('reference')
      .execute()
    await expectBlobs(
      data,
      dists.flatMap(({ sha256 }) => (sha256 === null ? [] : [sha256])),
    )
    const jobs = await db.selectFrom('jobs').select(['id', 'kind', 'state']).orderBy('id').execute()
    const packages = await db.selectFrom('packages').select(['id', 'revision', 'modified_at']).execute()
    const events = await db.selectFrom('events').select(['uid', 'type']).orderBy('id').execute()
    const sources = await db.selectFrom('sources').select('sync_revision').where('kind', '=', 'vcs').execute()
    const syncs = events.filter((event) => event.type === 'source.synced').length
    // The event of a sync and its revision are of one transaction.
    expect(sources.map((source) => source.sync_revision).reduce((sum, revision) => sum + revision, 0)).toBe(syncs)
    return {
      published: {
        versions: versions
          .filter((version) => version.removed_at === null)
          .map(({ version, reference, isDefault, body }) => ({ version, reference, isDefault, manifest: body ?? '' })),
        archives: Object.fromEntries(dists.map(({ reference, sha256 }) => [reference, sha256])),
      },
      grown: {
        events: events.map((event) => event.uid),
        succeeded: jobs.filter((job) => job.state === 'succeeded').map((job) => job.id),
        packages: new Map(packages.map((row) => [row.id, [row.revision, row.modified_at]])),
        syncs,
        jobs: jobs.map((job) => job.id),
      },
      open: jobs.filter((job) => job.state !== 'succeeded').map(({ kind, state }) => ({ kind, state })),
    }
  } finally {
    await database.close()
  }
}

function expectIntact(path: string): void {
  const raw = new SqliteDatabase(path, { readwrite: true, create: false })
  expect(raw.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  expect(raw.query('PRAGMA foreign_key_check').all()).toEqual([])
  raw.close()
}

async function expectBlobs(data: string, recorded: readonly string[]): Promise<void> {
  const blobs = diskBlobs(data, Date.now())
  for (const sha256 of new Set(recorded)) {
    expect(await blobs.verify(sha256)).toBe('intact')
  }
}

function diskBlobs(data: string, now: number) {
  return createDiskBlobs({ root: join(data, 'blobs'), clock: createTestClock(now), log: recordingLog([]) })
}

/** Nothing that was acknowledged is gone, and no clock of a package went back. */
export function expectGrown(before: Grown, after: Grown): void {
  expect(after.events.slice(0, before.events.length)).toEqual(before.events)
  expect(after.succeeded).toEqual(expect.arrayContaining(before.succeeded))
  for (const [id, [revision, modifiedAt]] of before.packages) {
    const [laterRevision, laterModifiedAt] = after.packages.get(id) ?? [0, 0]
    expect(laterRevision).toBeGreaterThanOrEqual(revision)
    expect(laterModifiedAt).toBeGreaterThanOrEqual(modifiedAt)
    expect(laterModifiedAt > modifiedAt).toBe(laterRevision > revision)
  }
}

/** Two hours later the first sweep leaves no unfinished blob, and the last fetch left no unfinished pack or mirror. */
export async function expectSwept(data: string): Promise<void> {
  await diskBlobs(data, Date.now() + 2 * 3_600_000).sweep()
  expect(readdirSync(join(data, 'blobs', 'temporary'))).toEqual([])
  const mirrors = [...new Bun.Glob('**/*').scanSync({ cwd: join(data, 'git'), dot: true })]
  expect(mirrors.filter((path) => /(^|\/)(\.new-|\.removed-|tmp_|\.tmp)|\.lock$|\.new$|\.keep$/.test(path))).toEqual([])
}
