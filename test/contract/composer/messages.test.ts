/** What clients are told by the version of Composer, and how a repository presents itself. */
import { expect, test } from 'bun:test'
import { createSuborganization } from '../../../src/core/access/index.ts'
import {
  addMessage,
  changeRepositoryOptions,
  getRepositoryOptions,
  listMessages,
  removeMessage,
} from '../../../src/core/catalog/index.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import type { TestApp } from '../../kit/app.ts'
import { body, buildMirror, setUpSafety } from './safety-fixture.ts'

const COMPOSER_1 = { 'User-Agent': 'Composer/1.10.27 (Linux; 6.1.0; PHP 7.4.33)' }
const HOUR = 60 * 60 * 1000

function add(app: TestApp, organization: Organization, message: string, versions = '*', kind: 'warning' | 'info' = 'warning') {
  return addMessage(app.ctx(), { organization, kind, message, versions })
}

/** A server whose advisories are up to date, so that it has nothing to say of its own. */
async function setUp() {
  const parts = await setUpSafety()
  await parts.receive()
  return parts
}

test('CO-011 the root has messages with the versions of Composer that they are for, oldest first, and none without', async () => {
  const { app, organization, root } = await setUp()
  const silent = await root()

  await add(app, organization, 'Update Composer.', '<2.2')
  await add(app, organization, 'We move on Monday.')
  await add(app, organization, 'Ask Anna for access.', '>=2.2', 'info')

  expect(Object.keys(silent).filter((key) => /warning|info/.test(key))).toEqual([])
  expect(await root()).toMatchObject({
    warnings: [
      { message: 'Update Composer.', versions: '<2.2' },
      { message: 'We move on Monday.', versions: '*' },
    ],
    infos: [{ message: 'Ask Anna for access.', versions: '>=2.2' }],
  })
})

test('CO-012 Composer 1 alone is told the newest message for it in the form that it reads', async () => {
  const { app, organization, root } = await setUp()
  await add(app, organization, 'Nothing here is for you any more.', '<1.999')
  await add(app, organization, 'Composer 1 is not supported from May on.', '<2')
  await add(app, organization, 'We move on Monday.', '>=2')
  await add(app, organization, 'Only old ones see this.', '^1.8', 'info')

  const legacy = await root(COMPOSER_1)
  const modern = await root()

  expect(legacy).toMatchObject({
    warning: 'Composer 1 is not supported from May on.',
    'warning-versions': '<2',
    info: 'Only old ones see this.',
    'info-versions': '^1.8',
  })
  expect([legacy['warnings'], legacy['infos'], modern['warning'], modern['info']]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('CO-005 CO-011 the root moves with each message that comes or goes, whoever asks', async () => {
  const { app, organization, get, root } = await setUp()
  const times: string[] = []
  const look = async (headers = {}) => times.push((await get('/acme/packages.json', headers)).headers.get('last-modified') ?? '')
  await look()
  await look(COMPOSER_1)
  const { uid } = await add(app, organization, 'We move on Monday.')
  await look()
  await look(COMPOSER_1)
  await removeMessage(app.ctx(), { organization, uid })
  await look()

  expect(new Set(times).size).toBe(5)
  expect((await root())['warnings']).toBeUndefined()
  expect(removeMessage(app.ctx(), { organization, uid })).rejects.toMatchObject({ code: 'message_not_found' })
})

test('CO-011 messages of an organization are not those of its suborganizations', async () => {
  const { app, organization } = await setUp()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Themes', slug: 'themes' })
  await add(app, organization, 'We move on Monday.')

  expect(await listMessages(app.ctx(), child.id)).toEqual([])
})

test.each([
  ['', '*'],
  ['two\nlines', '*'],
  ['\u001b[31mred', '*'],
  ['right \u202e left', '*'],
  ['a'.repeat(501), '*'],
  ['fine', 'newer ones'],
  ['fine', ''],
])('CO-011 the message %j for %j is refused', async (message, versions) => {
  const { app, organization } = await setUp()

  expect(add(app, organization, message, versions)).rejects.toMatchObject({ code: 'invalid_input' })
})

test('CO-011 a repository has at most twenty messages', async () => {
  const { app, organization } = await setUp()
  for (let number = 1; number <= 20; number += 1) {
    await add(app, organization, `Message ${number}`)
  }

  expect(add(app, organization, 'One more')).rejects.toMatchObject({ code: 'limit_reached' })
})

test('CO-005 options hold in suborganizations, are changed above them, and move every document', async () => {
  const { app, organization, get } = await setUp()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Themes', slug: 'themes' })
  const paths = ['/acme/packages.json', '/acme/p2/acme/http.json', '/acme/p2/acme/http~dev.json']
  const times = async () =>
    Promise.all(paths.map(async (path) => Date.parse((await get(path)).headers.get('last-modified') ?? '')))
  const before = await times()

  await changeRepositoryOptions(app.ctx(), { organization, options: { blocksMalware: false, hiddenSources: 'always' } })
  const after = await times()
  await changeRepositoryOptions(app.ctx(), { organization, options: { blocksMalware: false } })

  expect(await getRepositoryOptions(app.ctx(), child)).toEqual({
    archiveUrls: 'registry',
    hiddenSources: 'always',
    blocksMalware: false,
    audits: true,
    auditNotices: true,
  })
  expect(after.every((time, index) => time > (before[index] ?? 0))).toBe(true)
  expect(await times()).toEqual(after)
  expect(changeRepositoryOptions(app.ctx(), { organization: child, options: { audits: false } })).rejects.toMatchObject({
    code: 'invalid_input',
  })
})

test('CO-005 CO-011 a malware list that is not received any more is said in the root from that second on', async () => {
  const { app, organization, get, root } = await setUp()
  const source = await buildMirror(app, organization.id)
  const { write } = app.ports.database
  const now = app.clock.now()
  await write
    .insertInto('advisory_feeds')
    .values({
      uid: app.ports.newId(),
      kind: 'filter',
      source_id: source,
      list: 'malware',
      url: 'https://upstream.example.org/filter.json',
      updated_since: null,
      fetched_at: now - 20 * HOUR,
      attempted_at: now,
      full_at: null,
      next_fetch_at: now,
      problem: null,
      modified: null,
    })
    .execute()
  app.ports.database.touched()
  const fresh = await get('/acme/packages.json')
  const time = fresh.headers.get('last-modified') ?? ''

  app.clock.advance(4 * HOUR)

  expect((await body(fresh))['warnings']).toBeUndefined()
  expect((await get('/acme/packages.json', { 'If-Modified-Since': time })).status).toBe(200)
  expect((await root())['warnings']).toEqual([
    { message: expect.stringContaining('a list of malware on 2026-02-28 16:00 UTC'), versions: '>=2.10' },
  ])
})
