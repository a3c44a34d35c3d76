import { expect, test } from 'bun:test'
import { changeOrganization, createSuborganization } from '../../../src/core/access/index.ts'
import type { Visibility } from '../../../src/core/kernel/schema.ts'
import { isDomainError } from '../../../src/core/kernel/errors.ts'
import { findOrganization, type Organization } from '../../../src/core/organizations/index.ts'
import { findSource, setSourceVisibility } from '../../../src/core/sources/index.ts'
import type { TestApp } from '../../kit/app.ts'
import { buildPackage, buildSource } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'

async function show(app: TestApp, organization: Organization, visibility: Visibility): Promise<void> {
  await changeOrganization(app.ctx(), { organization, settings: { visibility } })
}

async function showPackage(app: TestApp, organization: Organization, name: string, visibility: Visibility): Promise<void> {
  const source = await findSource(app.ports.database.read, await buildSource(app, organization.id, name))
  if (source !== null) {
    await setSourceVisibility(app.ctx(), source, { visibility })
  }
}

async function createWorld() {
  const server = await createTestServer()
  const { app } = server
  const acme = await app.organization('acme')
  const other = await app.organization('other')
  for (const name of ['acme/hidden', 'acme/inside', 'acme/open']) {
    await buildPackage(app, { organization: acme.id, name })
  }
  await showPackage(app, acme, 'acme/inside', 'internal')
  await showPackage(app, acme, 'acme/open', 'public')
  const stranger = (await app.token(other.id)).secret
  const namesFor = async (token: string | null) => {
    const response = await server.send('/acme/packages.json', { token })
    return response.status === 200 ? ((await response.json()) as Record<string, unknown>)['available-packages'] : response.status
  }
  return { server, app, acme, stranger, member: (await app.token(acme.id)).secret, namesFor }
}

test('everybody sees what is as visible as its organization and itself allow, at once and no longer', async () => {
  const { app, acme, stranger, member, namesFor } = await createWorld()
  const all = ['acme/hidden', 'acme/inside', 'acme/open']
  const seen = async () => [await namesFor(null), await namesFor(stranger), await namesFor(member)]

  expect(await seen()).toEqual([401, 404, all])
  await show(app, acme, 'internal')
  expect(await seen()).toEqual([401, ['acme/inside', 'acme/open'], all])
  await show(app, acme, 'public')
  expect(await seen()).toEqual([['acme/open'], ['acme/inside', 'acme/open'], all])
  expect(await seen()).toEqual([['acme/open'], ['acme/inside', 'acme/open'], all])
  await showPackage(app, acme, 'acme/open', 'private')
  expect((await seen()).slice(1)).toEqual([['acme/inside'], all])
  await show(app, acme, 'private')
  expect(await seen()).toEqual([401, 404, all])
})

test('abuse 65: nothing else of a public organization is anywhere: lists, search, documents, archives', async () => {
  const { server, app, acme } = await createWorld()
  await show(app, acme, 'public')
  const read = async (path: string) => (await server.send(path)).text()

  for (const path of [
    '/acme/packages.json',
    '/acme/list.json',
    '/acme/search.json?q=acme',
    '/org/acme/packages.json',
    '/acme/p2/acme/open.json',
  ]) {
    const text = await read(path)
    expect([path, text.includes('acme/open')]).toEqual([path, true])
    expect([path, text.includes('acme/hidden') || text.includes('acme/inside')]).toEqual([path, false])
  }
  const reference = 'a'.repeat(40)
  for (const path of [
    '/acme/p2/acme/hidden.json',
    `/acme/dists/acme/hidden/1.0.0/${reference}.zip`,
    '/acme/packages/acme/hidden.json',
  ]) {
    expect([path, (await server.send(path)).status]).toEqual([path, 404])
  }
  expect((await server.send('/api/organizations/acme/packages')).status).toBe(401)
})

test('PR-019 a wrong credential is nobody, and whoever has none is not asked for one', async () => {
  const { server, app, acme, namesFor } = await createWorld()
  await show(app, acme, 'public')

  expect(await namesFor('rpt_unknown')).toEqual(['acme/open'])
  expect((await server.send('/acme/p2/acme/open.json', { token: 'wrong' })).status).toBe(200)
  expect((await server.send('/unknown/packages.json')).status).toBe(401)
})

test('a suborganization is never seen more widely than its organization', async () => {
  const { app, acme } = await createWorld()
  const sub = await createSuborganization(app.ctx(), { parent: acme, slug: 'sub', name: 'Sub' })
  const visibility = async () => (await findOrganization(app.ports.database.read, sub.id))?.visibility

  expect(await show(app, sub, 'public').catch((error: unknown) => isDomainError(error, 'invalid_input'))).toBe(true)
  await show(app, acme, 'public')
  await show(app, sub, 'public')
  expect(await visibility()).toBe('public')
  await show(app, acme, 'internal')
  expect(await visibility()).toBe('internal')
})
