/** Mirrors on the console: their settings, packages, incidents, and reserved names. */
import { expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildUser } from '../../kit/people.ts'
import { temporaryUpstream } from '../../kit/upstream-server.ts'
import { createConsole } from './console-kit.ts'

async function setUp() {
  const console = await createConsole()
  const { app } = console
  const organization = await app.organization()
  await buildUser(app, { email: 'bob@example.com', name: 'Bob' })
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'admin' })
  await addMember(app.ctx(), { organization, user: 'bob@example.com', role: 'member' })
  const base = `/app/api/organizations/${organization.uid}`
  return { console, base, all: `${base}/mirrors`, ada: await console.signedIn(), bob: await console.signedIn('bob@example.com') }
}

async function body<Document = Record<string, unknown>>(response: Response): Promise<Document> {
  return (await response.json()) as Document
}

test('an admin adds, changes, refreshes and removes a mirror, and sees its packages, runs and incidents', async () => {
  const { console, ada, all } = await setUp()
  const upstream = await temporaryUpstream({ packages: { 'psr/log': ['1.0.0'] } })
  const added = await ada.call('POST', all, { url: upstream.url, name: 'Upstream', behavior: 'manual' })
  expect(added.status).toBe(201)
  const { mirror } = await body<{ mirror: { id: string } }>(added)
  const one = `${all}/${mirror.id}`
  await console.app.runJobs()

  expect((await ada.call('POST', `${one}/packages`, { names: ['psr/log'] })).status).toBe(202)
  await console.app.runJobs()
  expect(await body(await ada.get(`${one}/packages`))).toMatchObject({ packages: [{ name: 'psr/log', upstream: 'present' }] })
  upstream.moveTag('psr/log', '1.0.0')
  expect((await ada.call('POST', `${one}/refresh`)).status).toBe(202)
  await console.app.runJobs()
  const { incidents } = await body<{ incidents: { id: string; kind: string }[] }>(await ada.get(`${one}/incidents`))
  expect(incidents).toMatchObject([{ kind: 'moved' }])
  expect((await ada.call('POST', `${one}/incidents/${incidents[0]?.id}/dismiss`)).status).toBe(204)
  expect((await ada.call('POST', `${one}/incidents/${incidents[0]?.id}/dismiss`)).status).toBe(404)
  expect(await body(await ada.get(`${one}/runs`))).toMatchObject({
    runs: [{ state: 'success', updated: 1 }, { state: 'success' }],
  })

  const changed = await body(await ada.call('PATCH', one, { only: ['psr/*'], behavior: 'disabled' }))
  expect(changed).toMatchObject({
    mirror: { only: ['psr/*'], behavior: 'disabled', packages: 1, nextRefreshAt: null },
    job: null,
  })
  expect((await ada.call('POST', `${one}/refresh`)).status).toBe(409)
  expect((await ada.call('DELETE', one)).status).toBe(409)
  expect((await ada.call('DELETE', `${one}?packages=delete`)).status).toBe(204)
  expect(await body(await ada.get(all))).toEqual({ mirrors: [] })
})

test('a member may look at nothing of it, and wrong fields are named', async () => {
  const { ada, bob, all } = await setUp()

  expect((await bob.get(all)).status).toBe(403)
  expect((await bob.call('POST', all, { url: 'https://composer.example.org' })).status).toBe(403)
  expect((await ada.call('POST', all, { url: 'nonsense' })).status).toBe(400)
  expect((await ada.call('POST', all, { url: 'https://composer.example.org', behavior: 'always' })).status).toBe(400)
  expect((await ada.get(`${all}/unknown`)).status).toBe(404)
})

test('names are reserved and given free', async () => {
  const { ada, base } = await setUp()
  const names = `${base}/reserved-names`

  expect((await ada.call('POST', names, { names: ['corp/*'] })).status).toBe(204)
  expect(await body(await ada.get(names))).toEqual({
    names: [
      { pattern: 'acme/*', kind: 'vendor' },
      { pattern: 'corp/*', kind: 'manual' },
    ],
  })
  expect((await ada.call('POST', `${base}/released-names`, { names: ['corp/*'] })).status).toBe(204)
  expect(await body(await ada.get(names))).toMatchObject({
    names: [{ pattern: 'acme/*' }, { pattern: 'corp/*', kind: 'released' }],
  })
})
