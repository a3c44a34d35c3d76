import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, buildSource, packageIdOf } from '../../../test/kit/build.ts'
import type { Actor } from '../kernel/actor.ts'
import type { DomainEvent } from '../kernel/events.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { deletePackagesOfSource } from '../packages/index.ts'
import {
  AUDIT_CSV_HEADING,
  EVENT_TYPES,
  listAuditEvents,
  listAuditEventsAfter,
  purgeEvents,
  streamAuditEvents,
  toAuditCsv,
  toAuditJson,
  type AuditEntry,
  type AuditQuery,
} from './index.ts'

const DAY = 24 * 3_600_000

async function setUp() {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  return { app, organization }
}

async function record(app: TestApp, events: readonly DomainEvent[], actor: Actor = SYSTEM): Promise<void> {
  await app.ctx(actor).transaction(async (tx) => {
    for (const event of events) {
      await tx.record(event)
    }
  })
}

async function list(app: TestApp, query: AuditQuery, limit = 100): Promise<AuditEntry[]> {
  const items: AuditEntry[] = []
  let after: number | null = null
  do {
    const page: { items: AuditEntry[]; next: number | null } = await listAuditEvents(app.ctx(), query, { limit, after })
    items.push(...page.items)
    after = page.next
  } while (after !== null)
  return items
}

function token(organization: OrganizationId, packages: string[] | null = null): Actor {
  return {
    kind: 'token',
    token: 1 as never,
    organization,
    user: null,
    scopes: ['audit:read'],
    packages,
    addresses: null,
    expiresAt: null,
  }
}

/** Rows as many commands would have left them, without their work. */
async function fill(app: TestApp, organization: OrganizationId | null, count: number): Promise<void> {
  const { write } = app.ports.database
  for (let start = 0; start < count; start += 500) {
    const rows = Array.from({ length: Math.min(500, count - start) }, (_, index) => ({
      uid: `filled-${organization}-${start + index}`,
      type: 'version.published',
      organization_id: organization,
      actor_kind: 'system',
      actor_id: null,
      origin: '{"surface":"test","address":null,"agent":null,"requestId":null}',
      data: JSON.stringify({ package: 1, name: 'acme/http', version: `1.0.${start + index}`, reference: 'a'.repeat(40) }),
      created_at: app.clock.now(),
      package_id: null,
    }))
    await write.insertInto('events').values(rows).execute()
  }
}

describe('the audit log', () => {
  test('tells who did what, from where, newest first, page by page and each event once', async () => {
    const { app, organization } = await setUp()
    const issued = await app.token(organization)
    const source = await buildSource(app, organization, 'acme/http')
    await record(app, [{ type: 'source.sync-requested', organization, source }], issued.actor)

    const entries = await list(app, { organization }, 1)

    expect(entries.map((entry) => entry.type)).toEqual([
      'source.sync-requested',
      ...(await list(app, { organization })).slice(1).map((entry) => entry.type),
    ])
    expect(entries[0]?.sentence).toMatch(
      /^Token read token \(….+\) asked for a sync of https:\/\/git\.example\.org\/acme\/http\.git\.$/,
    )
    expect(entries[0]).toMatchObject({ organization: { path: 'acme' }, actor: { kind: 'token' }, origin: { surface: 'test' } })
    expect(entries.find((entry) => entry.type === 'token.created')?.sentence).toMatch(
      /^Somebody at the command line created the token read token/,
    )
    expect(new Set(entries.map((entry) => entry.id)).size).toBe(entries.length)
  })

  test('can be asked for types, actors, a package, a time and a text, in any combination', async () => {
    const { app, organization } = await setUp()
    await buildPackage(app, { organization })
    await buildPackage(app, { organization, name: 'acme/http-client' })
    const { actor } = await app.token(organization)
    app.clock.advance(DAY)
    await record(
      app,
      [{ type: 'source.added', organization, source: 7 as never, url: 'https://git.example.com/100%_Sure.git' }],
      actor,
    )
    const types = async (query: Partial<AuditQuery>) => (await list(app, { organization, ...query }, 2)).map(({ type }) => type)
    const id = actor.kind === 'token' ? actor.token : 0

    expect(await types({ types: ['version'] })).toEqual(['version.published', 'version.published'])
    expect(await types({ types: ['source.*', 'token.created'] })).toEqual([
      'source.added',
      'token.created',
      'source.synced',
      'source.synced',
    ])
    expect(await types({ actor: { kind: 'token', id } })).toEqual(['source.added'])
    expect(await types({ actor: { kind: 'token', id }, types: ['token'] })).toEqual([])
    expect(await types({ actor: { kind: 'operator', id: null }, types: ['token', 'organization'] })).toEqual([
      'token.created',
      'organization.created',
    ])
    expect(await types({ package: 'Acme/http' })).toEqual(['version.published', 'package.created'])
    expect(await types({ package: 'acme/http', types: ['package'] })).toEqual(['package.created'])
    expect(await types({ package: 'acme/none' })).toEqual([])
    expect(await types({ since: app.clock.now() })).toEqual(['source.added'])
    expect(await types({ until: app.clock.now(), types: ['source', 'token'] })).toEqual([
      'token.created',
      'source.synced',
      'source.synced',
    ])
    expect(await types({ text: '100%_sure' })).toEqual(['source.added'])
    expect(await types({ text: '100__sure' })).toEqual([])
    await expect(types({ types: ['tokens'] })).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(types({ text: 'x'.repeat(201) })).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('keeps the story of a package that was deleted, and of the one that has its name now', async () => {
    const { app, organization } = await setUp()
    await buildPackage(app, { organization })
    const source = await buildSource(app, organization, 'acme/http')
    await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization, source))
    await buildPackage(app, { organization })

    const types = (await list(app, { organization, package: 'acme/http' })).map((entry) => entry.type)

    expect(types).toEqual(['version.published', 'package.created', 'package.deleted', 'version.published', 'package.created'])
    expect(await packageIdOf(app, organization)).toBeGreaterThan(0)
  })

  test('shows an organization nothing of another one or of the instance, and operators everything', async () => {
    const { app, organization } = await setUp()
    const other = await app.organization('canary')
    await record(app, [{ type: 'instance.address-changed', organization: null, url: 'https://canary.example.com' }])
    await record(app, [{ type: 'source.added', organization: other.id, source: 1 as never, url: 'https://canary.example.com' }])

    const own = await Array.fromAsync(streamAuditEvents(app.ctx(token(organization)), { organization }))
    const all = await list(app, { organization: null }, 2)

    expect(JSON.stringify(own)).not.toContain('canary')
    expect(all.map((entry) => entry.organization?.path ?? null)).toEqual(['canary', null, 'canary', 'acme'])
    expect(await list(app, { organization: null, types: ['source'] })).toHaveLength(1)
    for (const query of [{ organization: null }, { organization: other.id }]) {
      await expect(listAuditEvents(app.ctx(token(organization)), query, { limit: 10, after: null })).rejects.toMatchObject({
        kind: 'forbidden',
      })
    }
    await expect(
      listAuditEvents(app.ctx(token(organization, ['acme/*'])), { organization }, { limit: 10, after: null }),
    ).rejects.toMatchObject({ kind: 'forbidden' })
  })

  test('searches a bounded part at a time and goes on where it stopped', async () => {
    const { app, organization } = await setUp()
    await record(app, [{ type: 'source.added', organization, source: 1 as never, url: 'https://needle.example.com' }])
    await fill(app, organization, 45_000)

    const query = { organization, text: 'Needle' }
    const first = await listAuditEvents(app.ctx(), query, { limit: 10, after: null })
    const found = await list(app, query)

    expect(first.items).toEqual([])
    expect(first.next).not.toBeNull()
    expect(found.map((entry) => entry.type)).toEqual(['source.added'])
  }, 30_000)

  test('is followed from the newest event on', async () => {
    const { app, organization } = await setUp()
    const start = await listAuditEventsAfter(app.ctx(), { organization }, null)
    await record(app, [{ type: 'hook.created', organization, source: 1 as never }])
    await record(app, [{ type: 'hook.rotated', organization, source: 1 as never }])

    const more = await listAuditEventsAfter(app.ctx(), { organization, types: ['hook'] }, start.seen)
    const nothing = await listAuditEventsAfter(app.ctx(), { organization, types: ['hook'] }, more.seen)

    expect(start.items).toEqual([])
    expect(more.items.map((entry) => entry.type)).toEqual(['hook.created', 'hook.rotated'])
    expect(nothing).toEqual({ items: [], seen: more.seen })
  })

  test('shows events of types and shapes that this release does not know', async () => {
    const { app, organization } = await setUp()
    const row = {
      organization_id: organization,
      actor_kind: 'robot',
      actor_id: 5,
      origin: 'null',
      created_at: 1,
      package_id: null,
    }
    const { write } = app.ports.database
    await write
      .insertInto('events')
      .values({ ...row, uid: 'one', type: 'future.invented', data: '{"a":1}' })
      .execute()
    await write
      .insertInto('events')
      .values({ ...row, uid: 'two', type: 'token.revoked', data: '[]' })
      .execute()

    const [two, one] = await list(app, { organization })

    expect(one).toMatchObject({ type: 'future.invented', sentence: 'future.invented', data: { a: 1 } })
    expect(two?.sentence).toBe('Token 5 revoked the token unknown.')
  })
})

describe('the export', () => {
  test('makes cells that a spreadsheet would run inert, and quotes the others', async () => {
    const { app, organization } = await setUp()
    for (const url of ['=HYPERLINK("http://x")', 'a,"b"\r\nc']) {
      await record(app, [{ type: 'source.added', organization, source: 1 as never, url }])
    }
    const base = (await list(app, { organization }))[0]
    if (base === undefined) {
      throw new Error('There is no event.')
    }
    const cellOf = (sentence: string) =>
      toAuditCsv({ ...base, sentence })
        .split('"system","The registry",')[1]
        ?.split(',"test"')[0]

    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\n-1']) {
      expect(cellOf(text)).toBe(`"'${text}"`)
    }
    expect(cellOf('a,"b"')).toBe('"a,""b"""')
    expect([...toAuditCsv(base).matchAll(/"(?:[^"]|"")*"/g)]).toHaveLength(AUDIT_CSV_HEADING.split(',').length)
    expect(JSON.parse(toAuditJson(base))).toMatchObject({ type: 'source.added', organization: 'acme', data: { source: 1 } })
    expect(toAuditJson(base).trimEnd()).not.toContain('\n')
  })

  test('of 50,000 events takes no more memory than one page', async () => {
    const { app, organization } = await setUp()
    await fill(app, organization, 50_000)
    let lines = 0
    let largest = 0
    Bun.gc(true)
    const before = process.memoryUsage().heapUsed

    for await (const entry of streamAuditEvents(app.ctx(), { organization })) {
      lines += toAuditJson(entry).length > 0 ? 1 : 0
      if (lines % 10_000 === 0) {
        Bun.gc(true)
        largest = Math.max(largest, process.memoryUsage().heapUsed - before)
      }
    }

    expect(lines).toBe(50_001)
    expect(largest).toBeLessThan(16 * 1024 * 1024)
  }, 60_000)
})

describe('keeping events', () => {
  test('deletes what is older than configured, in portions, and says so', async () => {
    const { app, organization } = await setUp()
    await fill(app, organization, 12_000)
    app.clock.advance(399 * DAY)
    await record(app, [{ type: 'hook.created', organization, source: 1 as never }])
    expect(await purgeEvents(app.ctx(SYSTEM))).toBe(0)
    app.clock.advance(2 * DAY)

    const purged = await purgeEvents(app.ctx(SYSTEM))

    expect(purged).toBe(12_001)
    const left = await list(app, { organization: null })
    expect(left.map((entry) => entry.type)).toEqual(['events.purged', 'events.purged', 'events.purged', 'hook.created'])
  })

  test('never deletes what outgoing deliveries may still be made of', async () => {
    const { app, organization } = await setUp()
    app.ports.retention = { auditDays: 1, statisticsDays: 400 }
    app.clock.advance(29 * DAY)

    expect(await purgeEvents(app.ctx(SYSTEM))).toBe(0)
    expect(await list(app, { organization })).toHaveLength(1)
    app.clock.advance(2 * DAY)
    expect(await purgeEvents(app.ctx(SYSTEM))).toBe(1)
  })
})

test('types of events are written the same way everywhere', () => {
  expect(EVENT_TYPES.filter((type) => !/^[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*$/.test(type))).toEqual([])
})
