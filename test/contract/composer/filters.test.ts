/** Filter lists as Composer 2.10 reads them, and what the registry itself keeps back because of them. */
import { expect, test } from 'bun:test'
import { createSuborganization } from '../../../src/core/access/index.ts'
import { blockPackage, unblockPackage, type NewBlock } from '../../../src/core/advisories/index.ts'
import { changeRepositoryOptions } from '../../../src/core/catalog/index.ts'
import { expandVersions, type VersionData } from '../../../src/composer/index.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import type { TestApp } from '../../kit/app.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { BASE } from '../../kit/http.ts'
import { body, buildMirror, buildMirrored, setUpSafety } from './safety-fixture.ts'

function block(app: TestApp, organization: Organization, rest: Partial<NewBlock> = {}) {
  return blockPackage(app.ctx(), {
    organization,
    list: 'blocked',
    name: 'acme/http',
    versions: '<1.2',
    reason: null,
    url: null,
    ...rest,
  })
}

function versionsOf(document: Record<string, unknown>, name = 'acme/http'): unknown[] {
  const packages = document['packages'] as Record<string, VersionData[]>
  return expandVersions(packages[name] ?? []).map((version) => version['version'])
}

async function setUpMalware(constraint = '<1.1') {
  const parts = await setUpSafety()
  const { app, organization } = parts
  const source = await buildMirror(app, organization.id)
  await buildMirrored(app, { organization: organization.id, source, name: 'upstream/evil', versions: ['1.0.0', '1.1.0'] })
  const { write } = app.ports.database
  const tell = async (from: number | null, name: string) => {
    const { id } = await write
      .insertInto('advisory_feeds')
      .values({
        uid: app.ports.newId(),
        kind: 'filter',
        source_id: from as never,
        list: 'malware',
        url: 'https://upstream.example.org/filter/summary.json',
        updated_since: null,
        fetched_at: app.clock.now(),
        attempted_at: app.clock.now(),
        full_at: null,
        next_fetch_at: app.clock.now(),
        problem: null,
        modified: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await write
      .insertInto('filter_entries')
      .values({
        uid: app.ports.newId(),
        feed_id: id,
        organization_id: null,
        list: 'malware',
        package_name: name,
        affected_versions: constraint,
        reason: 'steals tokens',
        url: 'https://upstream.example.org/why',
        remote_id: 'MAL-1',
        created_at: app.clock.now(),
      })
      .execute()
    app.ports.database.touched()
  }
  return { ...parts, source, tell }
}

test('CO-014 the root names lists as objects that are enabled, and has no filter without a list', async () => {
  const { app, organization, root } = await setUpSafety()

  const without = await root()
  await block(app, organization)
  await block(app, organization, { list: 'our-policy', name: 'acme/elsewhere' })

  expect('filter' in without).toBe(false)
  expect((await root())['filter']).toEqual({
    metadata: true,
    lists: { blocked: { enabled: true }, 'our-policy': { enabled: true } },
    'summary-url': `${BASE}/acme/filter/summary.json`,
    'api-url': `${BASE}/acme/filter/api`,
  })
})

test.each([
  'advisories',
  'abandoned',
  'cooldown',
  'ignore',
  'ignore-all',
  'package',
  'packages',
  'license',
  'licenses',
  'licence',
  'licences',
  'support',
  'maintenance',
  'security',
  'minimum-release-age',
  'Blocked',
  '',
  'a list',
])('CO-015 the list name %p is refused', async (list) => {
  const { app, organization } = await setUpSafety()

  expect(block(app, organization, { list })).rejects.toMatchObject({ code: 'invalid_input' })
})

test.each([
  { name: 'no-package' },
  { versions: 'latest' },
  { versions: '' },
  { reason: 'two\nlines' },
  { reason: 'a'.repeat(501) },
  { url: 'javascript:alert(1)' },
  { url: 'https://user:secret@example.org/' },
])('CO-138 an entry with %p is refused', async (wrong) => {
  const { app, organization } = await setUpSafety()

  expect(block(app, organization, wrong)).rejects.toMatchObject({ code: 'invalid_input' })
})

test('CO-035 CO-040 an entry is in the plain file, hides the versions it names, and goes again; each moves the file', async () => {
  const { app, organization, get, metadata } = await setUpSafety()
  const times: number[] = []
  const look = async () => {
    const response = await get('/acme/p2/acme/http.json')
    times.push(Date.parse(response.headers.get('last-modified') ?? ''))
    return body(response)
  }

  const before = await look()
  const { uid } = await block(app, organization, { reason: 'not for us', url: 'https://wiki.example.org/http' })
  const listed = await look()
  await unblockPackage(app.ctx(), { organization, uid })
  const after = await look()

  expect(versionsOf(before)).toEqual(['1.2.0', '1.1.0', '1.0.0'])
  expect(listed['filter']).toEqual({
    blocked: [{ constraint: '<1.2', url: 'https://wiki.example.org/http', reason: 'not for us', id: uid }],
  })
  expect(versionsOf(listed)).toEqual(['1.2.0'])
  expect(after).toEqual(before)
  expect('filter' in (await metadata('acme/http~dev'))).toBe(false)
  expect(times).toEqual([...new Set(times)].toSorted((left, right) => left - right))
})

test('CO-035 lists of other names are told and hide nothing', async () => {
  const { app, organization, metadata } = await setUpSafety()
  await block(app, organization, { list: 'our-policy' })

  expect(versionsOf(await metadata())).toEqual(['1.2.0', '1.1.0', '1.0.0'])
  expect((await metadata())['filter']).toMatchObject({ 'our-policy': [{ constraint: '<1.2' }] })
})

test('CO-035 what is blocked is in none of the documents of other forms', async () => {
  const { app, organization, get } = await setUpSafety()
  await block(app, organization, { versions: '1.0.0' })

  for (const path of [
    `/api/v4/group/${organization.id}/-/packages/composer/p2/acme/http`,
    '/org/acme/packages.json',
    '/org/acme/p2/acme/http.json',
    '/acme/p/acme/http.json',
    '/acme/packages/acme/http.json',
  ]) {
    const text = await (await get(path)).text()
    expect(text).toContain('1.1.0')
    expect(text).not.toMatch(/[^.\d]1\.0\.0/)
  }
})

test('CO-155 the archive of a blocked version is refused with 410, its version and the reason, and comes back', async () => {
  const { app, organization, get } = await setUpSafety()
  const target = await packageIdOf(app, organization.id)
  const reference = commitId('acme/http 1.0.0')
  await buildArchiveOf(app, { package: target, reference, bytes: new TextEncoder().encode('a zip') })
  const paths = [
    `/acme/dists/acme/http/1.0.0/${reference}.zip`,
    `/acme/dists/acme/http/${reference.slice(0, 10)}.zip`,
    '/org/acme/packages/acme/http/1.0.0.zip',
  ]
  const statuses = async () => Promise.all(paths.map(async (path) => (await get(path)).status))

  const before = await statuses()
  const { uid } = await block(app, organization, { reason: 'broken' })
  const refused = await get(paths[0] ?? '')
  const during = await statuses()
  await unblockPackage(app.ctx(), { organization, uid })

  expect([before, during, await statuses()]).toEqual([
    [200, 200, 200],
    [410, 410, 410],
    [200, 200, 200],
  ])
  expect(refused.headers.get('content-type')).toBe('application/json')
  const message = 'acme/http 1.0.0 is not handed out: the list "blocked" names it (broken).'
  expect(await body(refused)).toEqual({ status: 'error', message, warning: message })
})

test('CO-155 a reference of several versions is refused only when all of them are blocked', async () => {
  const { app, organization, get } = await setUpSafety()
  const reference = commitId('twins')
  const versions = ['1.0.0', '1.0.1'].map((version) => ({ version, reference }))
  await buildPackage(app, { organization: organization.id, name: 'acme/twins', versions })
  const target = await packageIdOf(app, organization.id, 'acme/twins')
  await buildArchiveOf(app, { package: target, reference, bytes: new TextEncoder().encode('a zip') })
  const path = `/acme/dists/acme/twins/1.0.0/${reference}.zip`

  await block(app, organization, { name: 'acme/twins', versions: '1.0.0' })
  const one = await get(path)
  await block(app, organization, { name: 'acme/twins', versions: '1.0.1' })
  const both = await get(path)

  expect([one.status, both.status]).toEqual([200, 410])
})

test('CO-155 a reference that no version has any more is refused by the version in its path, or by an entry about all', async () => {
  const { app, organization, get } = await setUpSafety()
  const reference = commitId('acme/http 1.0.0')
  const target = await packageIdOf(app, organization.id)
  await buildArchiveOf(app, { package: target, reference, bytes: new TextEncoder().encode('a zip') })
  await buildPackage(app, { organization: organization.id, versions: [{ version: '1.0.0', reference: commitId('moved') }] })
  const status = async (path: string) => (await get(path)).status

  await block(app, organization, { versions: '1.0.0' })
  const named = await status(`/acme/dists/acme/http/1.0.0/${reference}.zip`)
  const unnamed = await status(`/acme/dists/acme/http/${reference}.zip`)
  await block(app, organization, { versions: '*' })

  expect([named, unnamed, await status(`/acme/dists/acme/http/${reference}.zip`)]).toEqual([410, 200, 410])
})

test('CO-155 versions on a malware list of a mirror are kept back unless the organization wants them', async () => {
  const { app, organization, source, tell, metadata, get, root } = await setUpMalware()
  await tell(source, 'upstream/evil')
  const target = await packageIdOf(app, organization.id, 'upstream/evil')
  const reference = commitId('upstream/evil 1.0.0')
  await buildArchiveOf(app, { package: target, reference, bytes: new TextEncoder().encode('a zip') })
  const archive = async () => (await get(`/acme/dists/upstream/evil/1.0.0/${reference}.zip`)).status
  const entry = { constraint: '<1.1', url: 'https://upstream.example.org/why', reason: 'steals tokens', id: 'MAL-1' }

  expect((await root())['filter']).toMatchObject({ lists: { malware: { enabled: true } } })
  expect(await metadata('upstream/evil')).toMatchObject({ filter: { malware: [entry] } })
  expect(versionsOf(await metadata('upstream/evil'), 'upstream/evil')).toEqual(['1.1.0'])
  expect(await archive()).toBe(410)

  await changeRepositoryOptions(app.ctx(), { organization, options: { blocksMalware: false } })

  expect(versionsOf(await metadata('upstream/evil'), 'upstream/evil')).toEqual(['1.1.0', '1.0.0'])
  expect(await metadata('upstream/evil')).toMatchObject({ filter: { malware: [entry] } })
  expect(await archive()).toBe(200)
})

test.each([['of a mirror'], ['of the installation']])(
  'CO-155 abuse 33 the malware list %s says nothing of a private package of the same name',
  async (whose) => {
    const { source, tell, metadata, post, json, token } = await setUpMalware('*')
    await tell(whose === 'of a mirror' ? source : null, 'acme/http')

    const answer = await post('/acme/filter/api', { packages: ['pkg://composer/acme/http'] })

    expect(versionsOf(await metadata())).toHaveLength(3)
    expect('filter' in (await metadata())).toBe(false)
    expect(await body(answer)).toEqual({ filter: { malware: [] } })
    expect(await json('/acme/filter/summary.json', { token })).toEqual({ filter: { malware: {} } })
  },
)

test('CO-138 the summary has the constraints of packages that are here, and is confirmed as long as it says the same', async () => {
  const { app, organization, get } = await setUpSafety()
  await block(app, organization, { versions: '1.0.0' })
  await block(app, organization, { versions: '1.1.0' })
  await block(app, organization, { name: 'acme/elsewhere', versions: '*' })

  const first = await get('/acme/filter/summary.json')
  const time = first.headers.get('last-modified') ?? ''
  await buildPackage(app, { organization: organization.id, name: 'acme/log' })
  const confirmed = await get('/acme/filter/summary.json', { 'If-Modified-Since': time })
  await block(app, organization, { name: 'acme/log', versions: '*' })
  const changed = await get('/acme/filter/summary.json', { 'If-Modified-Since': time })

  expect(await body(first)).toEqual({ filter: { blocked: { 'acme/http': '1.0.0|1.1.0' } } })
  expect(time).toMatch(/GMT$/)
  expect([confirmed.status, await confirmed.text()]).toEqual([304, ''])
  expect(await body(changed)).toEqual({ filter: { blocked: { 'acme/http': '1.0.0|1.1.0', 'acme/log': '*' } } })
})

test('CO-138 the API tells the entries of the packages and lists that are asked for', async () => {
  const { app, organization, source, tell, post } = await setUpMalware()
  await tell(source, 'upstream/evil')
  const { uid } = await block(app, organization)
  const packages = ['pkg://composer/acme/http', 'pkg:composer/upstream/evil@1.0.0', 'acme/absent', 'pkg:npm/left-pad']

  const all = await body(await post('/acme/filter/api', { packages }))
  const malware = await body(await post('/acme/filter/api', { packages, lists: ['malware', 'unknown'] }))

  const evil = {
    package: 'upstream/evil',
    constraint: '<1.1',
    url: 'https://upstream.example.org/why',
    reason: 'steals tokens',
    id: 'MAL-1',
  }
  expect(all).toEqual({
    filter: { blocked: [{ package: 'acme/http', constraint: '<1.2', id: uid }], malware: [evil] },
  })
  expect(malware).toEqual({ filter: { malware: [evil] } })
})

test.each([
  ['{'],
  ['[]'],
  ['{"packages":"acme/http"}'],
  ['{"packages":[1]}'],
  ['{"packages":[],"lists":"malware"}'],
  [JSON.stringify({ packages: Array.from({ length: 5001 }, () => 'a/b') })],
])('CO-138 the question %.40p is refused with 400', async (question) => {
  const { post } = await setUpSafety()

  expect((await post('/acme/filter/api', question)).status).toBe(400)
})

test('CO-138 abuse 65 a token for some packages learns nothing of others from lists', async () => {
  const { app, organization, send, json } = await setUpSafety()
  await block(app, organization, { name: 'acme/secret' })
  await block(app, organization)
  const { secret: token } = await buildToken(app, organization.id, { packages: ['acme/log'] })

  const answer = await send('/acme/filter/api', {
    method: 'POST',
    token,
    body: JSON.stringify({ packages: ['acme/secret', 'acme/http', 'acme/log'] }),
  })

  expect(await body(answer)).toEqual({ filter: { blocked: [] } })
  expect(await json('/acme/filter/summary.json', { token })).toEqual({ filter: { blocked: {} } })
  expect((await send('/acme/filter/summary.json')).status).toBe(401)
  expect((await send('/acme/filter/api', { method: 'POST', body: '{"packages":[]}' })).status).toBe(401)
})

test('CO-035 CO-155 the list of an organization holds in its suborganizations', async () => {
  const { app, organization, json, send } = await setUpSafety()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Themes', slug: 'themes' })
  await buildPackage(app, { organization: child.id, versions: ['1.0.0', '1.2.0'] })
  const { secret: token } = await buildToken(app, child.id)
  const before = await send('/acme/themes/p2/acme/http.json', { token })
  await block(app, organization)

  const after = await send('/acme/themes/p2/acme/http.json', {
    token,
    headers: { 'If-Modified-Since': before.headers.get('last-modified') ?? '' },
  })

  expect(versionsOf(await body(after))).toEqual(['1.2.0'])
  expect(await json('/acme/themes/filter/summary.json', { token })).toEqual({ filter: { blocked: { 'acme/http': '<1.2' } } })
})
