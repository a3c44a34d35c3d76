/** `/{org}/{suborg}/…`: a repository of its own below that of an organization (domain.md §4). */
import { expect, test } from 'bun:test'
import type { OrganizationId } from '../../../src/core/kernel/values.ts'
import { RESERVED_SUBORGANIZATION_SLUGS } from '../../../src/core/organizations/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'
import { buildSuborganization } from '../pricore/composer-fixture.ts'

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const { id: parent } = await app.organization()
  const sub = await buildSuborganization(app, parent, 'team')
  const tokens: Record<string, string> = {}
  for (const [slug, organization] of Object.entries({ acme: parent, team: sub })) {
    await buildPackage(app, {
      organization,
      name: `shared/${slug}`,
      versions: [{ version: '1.0.0', manifest: { description: slug, provide: { 'virtual/x': '1.0' } } }],
    })
    await buildPackage(app, { organization, name: 'shared/same', description: `Of ${slug}.` })
    await addArchive(organization, `shared/${slug}`)
    tokens[slug] = (await buildToken(app, organization)).secret
  }

  async function addArchive(organization: OrganizationId, name: string) {
    const target = await packageIdOf(app, organization, name)
    await buildArchiveOf(app, { package: target, reference: commitId(`${name} 1.0.0`), bytes: new TextEncoder().encode(name) })
  }

  return { ...server, app, parent, sub, own: tokens['team'] ?? '', above: tokens['acme'] ?? '' }
}

const DIST = `dists/shared/team/1.0.0/${commitId('shared/team 1.0.0')}.zip`
const PATHS = [
  'packages.json',
  'p2/shared/team.json',
  'p2/shared/team~dev.json',
  'p/shared/team.json',
  DIST,
  'list.json',
  'search.json?q=shared',
  'providers/virtual/x.json',
  'packages/shared/team.json',
]

test('CO-002 the URLs of a suborganization lie below its own address', async () => {
  const { json, own } = await setUp()

  const root = await json('/acme/team/packages.json', { token: own })
  const metadata = JSON.stringify(await json('/acme/team/p2/shared/team.json', { token: own }))

  expect(root).toMatchObject({
    'metadata-url': `${BASE}/acme/team/p2/%package%.json`,
    'available-packages': ['shared/same', 'shared/team'],
    'notify-batch': `${BASE}/acme/team/notify-batch`,
    list: `${BASE}/acme/team/list.json`,
  })
  expect(metadata).toContain(`${BASE}/acme/team/${DIST}`)
  expect(JSON.stringify(await json('/acme/team/search.json?q=shared', { token: own }))).toContain(`${BASE}/acme/team/packages/`)
})

test('everything of a suborganization is there for its token, and for nobody else', async () => {
  const { send, own, above } = await setUp()
  for (const path of PATHS) {
    const statuses = await Promise.all(
      [own, above, null].map(async (token) => (await send(`/acme/team/${path}`, { token })).status),
    )

    expect(statuses).toEqual([200, 404, 401])
  }
  const body = JSON.stringify({ downloads: [{ name: 'shared/team', version: '1.0.0.0' }] })
  expect((await send('/acme/team/notify-batch', { method: 'POST', token: own, body })).status).toBe(201)
  expect((await send('/acme/team/notify-batch', { method: 'POST', token: above, body })).status).toBe(404)
})

test('abuse 65 a suborganization and the organization above it see nothing of each other', async () => {
  const { send, own, above } = await setUp()
  for (const path of PATHS) {
    for (const [address, token, foreign] of [
      ['/acme/team', own, /shared\/acme|Of acme/],
      ['/acme', above, /shared\/team|Of team/],
    ] as const) {
      expect(await (await send(`${address}/${path}`, { token })).text()).not.toMatch(foreign)
    }
  }
  expect((await send('/acme/packages.json', { token: own })).status).toBe(404)
})

test('segments that the repository uses itself name no suborganization', async () => {
  const { send, own } = await setUp()
  for (const slug of RESERVED_SUBORGANIZATION_SLUGS) {
    const response = await send(`/acme/${slug}/list.json`, { token: own })

    expect(response.status).toBe(404)
  }
})

test('a browser gets the page of a suborganization, whether it exists or not', async () => {
  const { send } = await setUp()
  const page = async (path: string) => send(path, { headers: { Accept: 'text/html' } })

  const found = await (await page('/acme/team')).text()

  expect(found).toContain(`composer ${BASE}/acme/team`)
  expect((await (await page('/acme/absent')).text()).replaceAll('absent', 'team')).toBe(found)
  expect((await page('/org/acme/team')).status).toBe(200)
  expect((await page('/api/team')).status).toBe(404)
  expect((await page('/acme/p2')).status).toBe(404)
})
