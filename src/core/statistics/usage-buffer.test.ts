import { expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, buildSource, packageIdOf } from '../../../test/kit/build.ts'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, TokenId } from '../kernel/values.ts'
import { deletePackagesOfSource } from '../packages/index.ts'
import { UsageBuffer } from './index.ts'

async function setUp() {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const target = await packageIdOf(app, organization)
  const buffer = new UsageBuffer(app.ports.log)
  const count = (version = '1.0.0.0', kind: 'download' | 'install' = 'download', counted: PackageId = target) =>
    buffer.count({ package: counted, version, kind, audience: 'token:1', at: app.clock.now() })
  return { app, organization, target, buffer, count, write: app.ports.database.write }
}

async function counts(app: TestApp): Promise<string[]> {
  const rows = await app.ports.database.write
    .selectFrom('download_counts')
    .selectAll()
    .orderBy('day')
    .orderBy('version')
    .orderBy('kind')
    .execute()
  return rows.map((row) => `${row.day} ${row.version} ${row.kind} ${row.count}`)
}

async function lastUse(app: TestApp, token: TokenId): Promise<number | null> {
  const row = await app.ports.database.write
    .selectFrom('tokens')
    .select('last_used_at')
    .where('id', '=', token)
    .executeTakeFirst()
  return row?.last_used_at ?? null
}

async function removePackage(app: TestApp, organization: OrganizationId): Promise<void> {
  const source = await buildSource(app, organization, 'acme/http')
  await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization, source))
}

/** A database whose transactions fail. */
const brokenDb = {
  transaction: () => ({ execute: () => Promise.reject(new Error('The disk is full.')) }),
} as unknown as Db

test('CO-088 CO-142 folds add up by package, version, day and kind', async () => {
  const { app, buffer, count, write } = await setUp()
  count()
  count()
  count('1.0.0.0', 'install')
  await buffer.fold(write)
  count()
  count('2.0.0.0')
  app.clock.advance(24 * 3_600_000)
  count()
  await buffer.fold(write)
  await buffer.fold(write)

  expect(await counts(app)).toEqual([
    '2026-03-01 1.0.0.0 download 3',
    '2026-03-01 1.0.0.0 install 1',
    '2026-03-01 2.0.0.0 download 1',
    '2026-03-02 1.0.0.0 download 1',
  ])
})

test('what cannot be written is kept and added to what comes later', async () => {
  const { app, buffer, count, write } = await setUp()
  count()
  count()

  await expect(buffer.fold(brokenDb)).rejects.toThrow('The disk is full.')
  count()
  await expect(buffer.fold(brokenDb)).rejects.toThrow('The disk is full.')
  await buffer.fold(write)

  expect(await counts(app)).toEqual(['2026-03-01 1.0.0.0 download 3'])
})

test('what is counted while a fold is under way is not lost', async () => {
  const { app, buffer, count, write } = await setUp()
  count()

  const folding = buffer.fold(write)
  count()
  await folding
  await buffer.fold(write)

  expect(await counts(app)).toEqual(['2026-03-01 1.0.0.0 download 2'])
})

test('counts of packages that were deleted meanwhile are left out, the others are written', async () => {
  const { app, organization, buffer, count, write } = await setUp()
  await buildPackage(app, { organization, name: 'acme/other' })
  count()
  count('1.0.0.0', 'download', await packageIdOf(app, organization, 'acme/other'))
  await removePackage(app, organization)

  await buffer.fold(write)

  expect(await counts(app)).toEqual(['2026-03-01 1.0.0.0 download 1'])
})

test('memory is bounded, also over failing folds: what is too much is dropped, with one line in the log', async () => {
  const { app, buffer, count, write } = await setUp()
  for (let number = 0; number < 60_000; number += 1) {
    count(`1.${number}.0.0`)
  }
  const folding = buffer.fold(brokenDb)
  for (let number = 60_000; number < 90_000; number += 1) {
    count(`1.${number}.0.0`)
  }
  await expect(folding).rejects.toThrow()
  count('1.5.0.0')
  await buffer.fold(write)

  const stored = await write
    .selectFrom('download_counts')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  expect(stored.count).toBe(50_000)
  expect(app.warnings.splice(0)).toHaveLength(1)
})

test('the last use of a token is written to the minute and never moves back', async () => {
  const { app, organization, buffer, write } = await setUp()
  const { actor } = await app.token(organization)
  const token = actor.kind === 'token' ? actor.token : (0 as TokenId)
  const start = app.clock.now()

  buffer.use(token, start)
  await buffer.fold(write)
  expect(await lastUse(app, token)).toBe(start)
  buffer.use(token, start + 59_000)
  await buffer.fold(write)
  expect(await lastUse(app, token)).toBe(start)
  buffer.use(token, start + 60_000)
  await buffer.fold(write)
  expect(await lastUse(app, token)).toBe(start + 60_000)
  const late = new UsageBuffer(app.ports.log)
  late.use(token, start)
  await late.fold(write)

  expect(await lastUse(app, token)).toBe(start + 60_000)
})

test('several processes that fold the same versions at once add up', async () => {
  const { app, target, write } = await setUp()
  const versions = Array.from({ length: 40 }, (_, index) => `1.${index}.0.0`)
  const buffers = Array.from({ length: 4 }, () => new UsageBuffer(app.ports.log))
  for (const [index, buffer] of buffers.entries()) {
    for (const version of index % 2 === 0 ? versions : versions.toReversed()) {
      buffer.count({ package: target, version, kind: 'download', audience: 'token:1', at: app.clock.now() })
    }
  }
  const databases = buffers.map((_, index) => (index === 0 ? write : app.test.openAnother().write))

  await Promise.all(buffers.map((buffer, index) => buffer.fold(databases[index] ?? write)))

  expect(new Set((await counts(app)).map((line) => line.split(' ')[3]))).toEqual(new Set(['4']))
})
