import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, packageIdOf } from '../../../test/kit/build.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId, PackageId } from '../kernel/values.ts'
import {
  countUsageAudiences,
  getUsageOfRange,
  getUsageTotals,
  listTopUsage,
  listUnknownInstalls,
  listUsageSeries,
  rollUpStatistics,
  UsageBuffer,
  type UsageScope,
} from './index.ts'

const NO_REPORT = { step: async () => {}, progress: () => {}, log: () => {} }
const MARCH = { since: '2026-03-01', until: '2026-03-31' }

interface Counting {
  app: TestApp
  organization: OrganizationId
  http: PackageId
  log: PackageId
  /** Counts downloads on a day at noon. */
  download(
    day: string,
    input?: { package?: PackageId; version?: string; audience?: string; times?: number; kind?: 'install' },
  ): void
  fold(): Promise<void>
}

async function setUp(): Promise<Counting> {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, versions: ['1.0.0', 'v2.0.0'] })
  await buildPackage(app, { organization, name: 'acme/log' })
  const http = await packageIdOf(app, organization)
  const log = await packageIdOf(app, organization, 'acme/log')
  const buffer = new UsageBuffer(app.ports.log)
  return {
    app,
    organization,
    http,
    log,
    download(day, { package: target = http, version = '1.0.0.0', audience = 'anonymous', times = 1, kind } = {}) {
      for (let index = 0; index < times; index += 1) {
        buffer.count({ package: target, version, kind: kind ?? 'download', audience, at: Date.parse(`${day}T12:00:00Z`) })
      }
    },
    fold: () => buffer.fold(app.ports.database.write),
  }
}

describe('totals', () => {
  test('tell today, the last 7 and 30 days, and everything, of an organization, a package or a version', async () => {
    const { app, organization, log, download, fold } = await setUp()
    download('2026-03-01', { times: 2 })
    download('2026-02-23', { version: '2.0.0.0', times: 3 })
    download('2026-02-22')
    download('2026-01-31')
    download('2026-01-30', { kind: 'install' })
    download('2026-03-01', { package: log, times: 10 })
    await fold()
    const of = (scope: Partial<UsageScope>) => getUsageTotals(app.ctx(), { organization, ...scope })

    expect(await of({})).toEqual({ total: 18, today: 12, last7Days: 15, last30Days: 17, lastDay: '2026-03-01' })
    expect(await of({ package: 'Acme/HTTP' })).toMatchObject({ total: 8, today: 2, last7Days: 5, last30Days: 7 })
    expect(await of({ package: 'acme/http', kind: 'install' })).toMatchObject({ total: 1, lastDay: '2026-01-30' })
    expect(await of({ package: 'acme/http', version: 'v2.0.0' })).toMatchObject({ total: 3, today: 0 })
    expect(await of({ package: 'acme/http', version: '2.0.0.0' })).toMatchObject({ total: 3 })
  })

  test('of what has no counts are zero, and of what does not exist are refused', async () => {
    const { app, organization } = await setUp()
    const of = (scope: Partial<UsageScope>) => getUsageTotals(app.ctx(), { organization, ...scope })

    expect(await of({})).toEqual({ total: 0, today: 0, last7Days: 0, last30Days: 0, lastDay: null })
    await expect(of({ package: 'acme/none' })).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(of({ package: 'acme/http', version: '9.9.9' })).rejects.toMatchObject({ code: 'version_not_found' })
    await expect(of({ version: '1.0.0' })).rejects.toMatchObject({ code: 'invalid_input' })
  })
})

describe('who may ask', () => {
  test('a token limited to packages sees the figures of those only, whatever it asks', async () => {
    const { app, organization, log, download, fold } = await setUp()
    download('2026-03-01', { times: 2 })
    download('2026-03-01', { package: log, times: 5 })
    await fold()
    const actor: Actor = { ...limited(organization), packages: ['acme/lo*'] }
    const ctx = app.ctx(actor)

    expect(await getUsageTotals(ctx, { organization })).toMatchObject({ total: 5 })
    expect(await listTopUsage(ctx, { organization }, { by: 'package', range: MARCH, limit: 10 })).toEqual([
      { key: 'acme/log', label: 'acme/log', count: 5 },
    ])
    expect((await listUsageSeries(ctx, { organization }, { ...MARCH, step: 'month' })).map((point) => point.count)).toEqual([5])
    await expect(getUsageTotals(ctx, { organization, package: 'acme/http' })).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(getUsageTotals(ctx, { organization, package: 'acme/none' })).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(listTopUsage(ctx, { organization }, { by: 'token', range: MARCH, limit: 10 })).rejects.toMatchObject({
      kind: 'forbidden',
    })
  })

  test('a member who sees only the packages of teams sees the figures of those only', async () => {
    const { app, organization, log, download, fold } = await setUp()
    download('2026-03-01', { times: 2 })
    download('2026-03-01', { package: log, times: 5 })
    await fold()
    const { write } = app.ports.database
    const person = {
      uid: 'u',
      email: 'member@example.org',
      name: 'Member',
      password_hash: null,
      is_operator: 0,
      created_at: 1,
    } as const
    const { id: user } = await write.insertInto('users').values(person).returning('id').executeTakeFirstOrThrow()
    await write
      .insertInto('members')
      .values({ organization_id: organization, user_id: user, role: 'member', created_at: 1 })
      .execute()
    await write.updateTable('organizations').set({ member_access: 'teams' }).where('id', '=', organization).execute()
    const ctx = app.ctx({ kind: 'user', user, session: 1 as never, isOperator: false })
    const totals = async () => (await getUsageTotals(ctx, { organization })).total

    expect(await totals()).toBe(0)
    const facts = {
      uid: 't',
      organization_id: organization,
      name: 'Team',
      permissions: '[]',
      all_packages: 0,
      created_at: 1,
    } as const
    const { id: team } = await write.insertInto('teams').values(facts).returning('id').executeTakeFirstOrThrow()
    await write
      .insertInto('team_members')
      .values({ team_id: team, organization_id: organization, user_id: user, created_at: 1 })
      .execute()
    await write.insertInto('team_packages').values({ team_id: team, name: 'acme/log', created_at: 1 }).execute()

    expect(await totals()).toBe(5)
    await expect(getUsageTotals(ctx, { organization, package: 'acme/http' })).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(listUnknownInstalls(ctx, organization)).rejects.toMatchObject({ kind: 'forbidden' })
  })

  test('nothing of one organization is in the figures of another', async () => {
    const { app, organization, download, fold } = await setUp()
    const other = await app.organization('other')
    await buildPackage(app, { organization: other.id, name: 'acme/http' })
    download('2026-03-01', { audience: 'token:1' })
    await fold()
    const scope = { organization: other.id }

    expect(await getUsageTotals(app.ctx(), { ...scope, package: 'acme/http' })).toMatchObject({ total: 0 })
    expect(await listTopUsage(app.ctx(), scope, { by: 'token', range: MARCH, limit: 10 })).toEqual([])
    expect(await countUsageAudiences(app.ctx(), { ...scope, audience: 'token:' }, MARCH)).toBe(0)
    await expect(getUsageTotals(app.ctx(limited(organization)), scope)).rejects.toMatchObject({ code: 'foreign_organization' })
  })
})

function limited(organization: OrganizationId): Extract<Actor, { kind: 'token' }> {
  return {
    kind: 'token',
    token: 1 as never,
    organization,
    user: null,
    scopes: ['statistics:read'],
    packages: null,
    addresses: null,
    expiresAt: null,
  }
}

describe('series', () => {
  test('have a figure for every step, also over the days on which clocks change', async () => {
    const { app, organization, download, fold } = await setUp()
    download('2026-03-28', { times: 2 })
    download('2026-03-30')
    await fold()
    const series = (since: string, until: string, step: 'day' | 'week' | 'month') =>
      listUsageSeries(app.ctx(), { organization }, { since, until, step })

    expect(await series('2026-03-27', '2026-03-31', 'day')).toEqual([
      { start: '2026-03-27', count: 0 },
      { start: '2026-03-28', count: 2 },
      { start: '2026-03-29', count: 0 },
      { start: '2026-03-30', count: 1 },
      { start: '2026-03-31', count: 0 },
    ])
    expect(await series('2026-03-25', '2026-04-01', 'week')).toEqual([
      { start: '2026-03-23', count: 2 },
      { start: '2026-03-30', count: 1 },
    ])
    expect(await series('2026-02-27', '2026-04-01', 'month')).toEqual([
      { start: '2026-02-01', count: 0 },
      { start: '2026-03-01', count: 3 },
      { start: '2026-04-01', count: 0 },
    ])
  })

  test('add up to the sum of their range, whatever the step, and so do the lists of the top', async () => {
    const { app, organization, http, log, download, fold } = await setUp()
    const days = fc.integer({ min: 0, max: 119 }).map((day) => new Date(Date.UTC(2025, 10, 1 + day)).toISOString().slice(0, 10))
    const counts = fc.sample(
      fc.record({
        day: days,
        package: fc.constantFrom(http, log),
        version: fc.constantFrom('1.0.0.0', '2.0.0.0'),
        audience: fc.constantFrom('token:1', 'token:2', 'member'),
      }),
      { numRuns: 300, seed: 20260301 },
    )
    counts.forEach(({ day, ...rest }) => download(day, rest))
    await fold()
    const scope = { organization }

    for (const [left, right] of fc.sample(fc.tuple(days, days), { numRuns: 12, seed: 7 })) {
      const [since = '', until = ''] = [left, right].sort()
      const range = { since, until }
      const expected = counts.filter(({ day }) => day >= since && day <= until).length
      expect(await getUsageOfRange(app.ctx(), scope, range)).toBe(expected)
      for (const step of ['day', 'week', 'month'] as const) {
        const series = await listUsageSeries(app.ctx(), scope, { ...range, step })
        expect(sum(series)).toBe(expected)
      }
      for (const by of ['package', 'version', 'token', 'source'] as const) {
        expect(sum(await listTopUsage(app.ctx(), scope, { by, range, limit: 100 }))).toBe(expected)
      }
    }
  })

  test('refuse ranges that are no ranges', async () => {
    const { app, organization } = await setUp()
    const series = (since: string, until: string) => listUsageSeries(app.ctx(), { organization }, { since, until, step: 'day' })

    for (const [since, until] of [
      ['2026-03-02', '2026-03-01'],
      ['2026-02-29', '2026-03-01'],
      ['yesterday', '2026-03-01'],
      ['0001-01-01', '2026-03-01'],
    ] as const) {
      await expect(series(since, until)).rejects.toMatchObject({ code: 'invalid_input' })
    }
  })
})

function sum(points: readonly { count: number }[]): number {
  let total = 0
  points.forEach(({ count }) => (total += count))
  return total
}

test('the top lists name packages, versions, tokens and sources', async () => {
  const { app, organization, log, download, fold } = await setUp()
  const issued = await app.token(organization)
  const token = issued.actor.kind === 'token' ? issued.actor.token : 0
  download('2026-03-01', { times: 3, audience: `token:${token}` })
  download('2026-03-02', { version: '2.0.0.0', times: 2 })
  download('2026-03-02', { package: log, times: 4, audience: 'token:987' })
  await fold()
  const top = (by: 'package' | 'version' | 'token' | 'source', limit = 10) =>
    listTopUsage(app.ctx(), { organization }, { by, range: MARCH, limit })

  expect(await top('package')).toEqual([
    { key: 'acme/http', label: 'acme/http', count: 5 },
    { key: 'acme/log', label: 'acme/log', count: 4 },
  ])
  expect(await top('package', 1)).toHaveLength(1)
  expect((await top('version')).map(({ label, count }) => `${label} ${count}`)).toEqual([
    'acme/log 1.0.0.0 4',
    'acme/http 1.0.0.0 3',
    'acme/http 2.0.0.0 2',
  ])
  expect(await top('token')).toEqual([
    { key: 'token:987', label: 'token:987', count: 4 },
    { key: `token:${token}`, label: 'read token', count: 3 },
    { key: 'anonymous', label: 'anonymous', count: 2 },
  ])
  expect((await top('source')).map(({ label, count }) => `${label} ${count}`)).toEqual([
    'https://git.example.org/acme/http.git 5',
    'https://git.example.org/acme/log.git 4',
  ])
  expect(await countUsageAudiences(app.ctx(), { organization, audience: 'token:' }, MARCH)).toBe(2)
  expect(await getUsageTotals(app.ctx(), { organization, audience: `token:${token}` })).toMatchObject({ total: 3 })
})

describe('adding up by month', () => {
  test('keeps totals and figures by month, also when it runs again, and refuses finer figures from before', async () => {
    const { app, organization, download, fold } = await setUp()
    for (const day of ['2024-11-02', '2024-11-30', '2024-12-01', '2024-12-31', '2026-02-28']) {
      download(day, { times: 2, audience: 'token:1' })
    }
    await fold()
    const range = { since: '2024-11-01', until: '2026-03-31' }
    const figures = async () => ({
      totals: await getUsageTotals(app.ctx(), { organization }),
      months: (await listUsageSeries(app.ctx(), { organization }, { ...range, step: 'month' })).filter(({ count }) => count > 0),
      tokens: await listTopUsage(app.ctx(), { organization }, { by: 'token', range, limit: 5 }),
    })
    const before = await figures()

    await rollUpStatistics(app.ctx(SYSTEM), NO_REPORT)
    await rollUpStatistics(app.ctx(SYSTEM), NO_REPORT)

    expect(await figures()).toEqual(before)
    const rows = await app.ports.database.read.selectFrom('download_counts').select(['day', 'count']).orderBy('day').execute()
    expect(rows).toEqual([
      { day: '2024-11-01', count: 4 },
      { day: '2024-12-01', count: 4 },
      { day: '2026-02-28', count: 2 },
    ])
    const daily = listUsageSeries(app.ctx(), { organization }, { ...range, step: 'day' })
    await expect(daily).rejects.toMatchObject({ code: 'invalid_input' })
    const recent = await listUsageSeries(app.ctx(), { organization }, { since: '2026-02-01', until: '2026-03-01', step: 'day' })
    expect(sum(recent)).toBe(2)
  })

  test('that is interrupted in the middle loses and doubles nothing', async () => {
    const { app, organization, download, fold } = await setUp()
    for (const day of ['2024-11-02', '2024-11-03', '2024-12-05']) {
      download(day)
    }
    await fold()
    const ctx = app.ctx(SYSTEM)
    let transactions = 0
    const failing = {
      ...ctx,
      transaction: ((work) =>
        ctx.transaction(async (tx) => {
          const result = await work(tx)
          transactions += 1
          if (transactions === 1) {
            throw new Error('The process died.')
          }
          return result
        })) as typeof ctx.transaction,
    }

    await expect(rollUpStatistics(failing, NO_REPORT)).rejects.toThrow('The process died.')
    expect(await getUsageTotals(app.ctx(), { organization })).toMatchObject({ total: 3 })
    await rollUpStatistics(ctx, NO_REPORT)

    expect(await getUsageTotals(app.ctx(), { organization })).toMatchObject({ total: 3 })
  })
})

describe('PR-119 installs of unknown names', () => {
  test('are counted by name, bounded, for those who may see who downloads', async () => {
    const { app, organization } = await setUp()
    const buffer = new UsageBuffer(app.ports.log)
    const at = app.clock.now()
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 1_500; index += 1) {
        buffer.countUnknown({ organization, name: `forged/name-${String(index).padStart(5, '0')}`, at })
      }
      await buffer.fold(app.ports.database.write)
    }
    buffer.countUnknown({ organization: 999_999 as OrganizationId, name: 'gone/gone', at })
    buffer.countUnknown({ organization, name: 'x'.repeat(5_000), at })
    await buffer.fold(app.ports.database.write)

    const names = await listUnknownInstalls(app.ctx(), organization)
    expect(names).toHaveLength(1_001)
    expect(sum(names)).toBe(3_001)
    expect(names[0]).toMatchObject({ name: '', count: 1_001 })
    await expect(
      listUnknownInstalls(app.ctx({ ...limited(organization), packages: ['a/*'] }), organization),
    ).rejects.toMatchObject({
      kind: 'forbidden',
    })
  })

  test('are forgotten when nobody asks for a quarter of a year', async () => {
    const { app, organization } = await setUp()
    const buffer = new UsageBuffer(app.ports.log)
    buffer.countUnknown({ organization, name: 'acme/typo', at: app.clock.now() })
    await buffer.fold(app.ports.database.write)
    app.clock.advance(91 * 24 * 3_600_000)

    await rollUpStatistics(app.ctx(SYSTEM), NO_REPORT)

    expect(await listUnknownInstalls(app.ctx(), organization)).toEqual([])
  })
})
