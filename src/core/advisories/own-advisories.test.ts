import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildMember } from '../../../test/kit/members.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId, SessionId } from '../kernel/values.ts'
import {
  addAdvisory,
  changeAdvisory,
  getAdvisory,
  importAdvisories,
  listAdvisoriesOf,
  listOwnAdvisories,
  withdrawAdvisory,
  type AddAdvisory,
} from './index.ts'

const PAGE = { limit: 100, after: null }

function content(organization: OrganizationId, rest: Partial<AddAdvisory> = {}): AddAdvisory {
  return {
    organization,
    packageName: 'acme/http',
    affectedVersions: '>=1.0,<1.2.3|>=2.0,<2.1',
    title: 'Header injection',
    link: 'https://example.org/advisory',
    cve: 'cve-2026-12345',
    severity: 'high',
    reportedAt: null,
    isConfirmed: false,
    ...rest,
  }
}

async function setUp() {
  const app = await createTestApp()
  app.leaveJobs()
  return { app, organization: await app.organization() }
}

async function own(app: TestApp, organization: OrganizationId): Promise<string[]> {
  const { items } = await listOwnAdvisories(app.ctx(), organization, PAGE)
  return items.map(({ title }) => title)
}

test('CO-137 an own advisory is a full one, under an id of our own', async () => {
  const { app, organization } = await setUp()

  const added = await addAdvisory(app.ctx(), content(organization.id, { packageName: 'Acme/HTTP' }))

  expect(added.advisoryId).toMatch(/^RPSA(-[bcdfghjkmnpqrstvwxyz1-9]{4}){3}$/)
  expect(added).toMatchObject({
    packageName: 'acme/http',
    affectedVersions: '>=1.0,<1.2.3|>=2.0,<2.1',
    title: 'Header injection',
    link: 'https://example.org/advisory',
    cve: 'CVE-2026-12345',
    severity: 'high',
    reportedAt: app.clock.now(),
    sources: [{ name: 'Repertoire', remoteId: added.advisoryId }],
  })
  expect(await getAdvisory(app.ctx(), { organization: organization.id, advisoryId: added.advisoryId })).toEqual(added)
})

test.each(['*', '>=0 || *', 'all versions', ''])(
  'the constraint "%s" needs to be confirmed, or is refused',
  async (affectedVersions) => {
    const { app, organization } = await setUp()
    const add = (isConfirmed: boolean) =>
      addAdvisory(app.ctx(), content(organization.id, { affectedVersions, isConfirmed })).then(
        () => 'added',
        (error: { code: string }) => error.code,
      )

    expect(await add(false)).toBe('invalid_input')
    expect(await add(true)).toBe(affectedVersions === '' ? 'invalid_input' : 'added')
  },
)

test.each([
  ['package', { packageName: 'not a name' }],
  ['title', { title: ' \u200b ' }],
  ['cve', { cve: 'CVE-1' }],
  ['link', { link: 'javascript:alert(1)' }],
  ['link', { link: 'https://user:password@example.org/' }],
])('what is wrong with the %s is said', async (field, rest) => {
  const { app, organization } = await setUp()

  await expect(addAdvisory(app.ctx(), content(organization.id, rest))).rejects.toMatchObject({
    code: 'invalid_input',
    details: { field },
  })
})

test('an own advisory is changed and withdrawn by its organization, not by another, and a public one by nobody', async () => {
  const { app, organization } = await setUp()
  const other = await app.organization('other')
  const { advisoryId } = await addAdvisory(app.ctx(), content(organization.id))
  const key = { organization: organization.id, advisoryId }
  const public_ = { advisoryId: 'PKSA-1', packageName: 'acme/http', affectedVersions: '<1', title: 'Public' }
  await importAdvisories(app.ctx(), { text: JSON.stringify({ advisories: { 'acme/http': [public_] } }), isComplete: false })

  const changed = await changeAdvisory(app.ctx(), { ...key, change: { title: 'Worse', severity: null }, isConfirmed: false })
  expect(changed).toMatchObject({ advisoryId, title: 'Worse', severity: null, cve: 'CVE-2026-12345' })
  for (const foreign of [
    { ...key, organization: other.id },
    { ...key, advisoryId: 'PKSA-1' },
  ]) {
    await expect(changeAdvisory(app.ctx(), { ...foreign, change: {}, isConfirmed: false })).rejects.toMatchObject({
      code: 'advisory_not_found',
    })
    await expect(withdrawAdvisory(app.ctx(), foreign)).rejects.toMatchObject({ code: 'advisory_not_found' })
  }
  await expect(getAdvisory(app.ctx(), { ...key, organization: other.id })).rejects.toMatchObject({ code: 'advisory_not_found' })
  await withdrawAdvisory(app.ctx(), key)
  expect(await own(app, organization.id)).toEqual([])
  await expect(withdrawAdvisory(app.ctx(), key)).rejects.toMatchObject({ code: 'advisory_not_found' })
})

test('a constraint that was confirmed once needs no confirmation for other changes', async () => {
  const { app, organization } = await setUp()
  const added = await addAdvisory(app.ctx(), content(organization.id, { affectedVersions: '*', isConfirmed: true }))
  const key = { organization: organization.id, advisoryId: added.advisoryId, isConfirmed: false }

  expect(await changeAdvisory(app.ctx(), { ...key, change: { title: 'Worse' } })).toMatchObject({ affectedVersions: '*' })
  await expect(changeAdvisory(app.ctx(), { ...key, change: { affectedVersions: 'any' } })).rejects.toMatchObject({
    code: 'invalid_input',
  })
})

test('lists are limited to what the actor may see, and go on page by page', async () => {
  const { app, organization } = await setUp()
  for (const packageName of ['acme/a', 'acme/b', 'other/a', 'acme/c']) {
    await addAdvisory(app.ctx(), content(organization.id, { packageName, title: packageName }))
  }
  const limited: Actor = {
    kind: 'token',
    token: 1 as never,
    organization: organization.id,
    user: null,
    scopes: ['advisory:read'],
    packages: ['acme/*'],
    addresses: null,
    expiresAt: null,
  }
  const page = await listOwnAdvisories(app.ctx(limited), organization.id, { limit: 2, after: null })
  const rest = await listOwnAdvisories(app.ctx(limited), organization.id, { limit: 2, after: page.next })

  expect([...page.items, ...rest.items].map(({ title }) => title)).toEqual(['acme/a', 'acme/b', 'acme/c'])
  expect(rest.next).toBeNull()
  const of = (name: string) => listAdvisoriesOf(app.ctx(limited), { organization: organization.id, name })
  expect(await of('Acme/A')).toHaveLength(1)
  expect(await of('other/a')).toEqual([])
})

test('a member reads advisories and changes none', async () => {
  const { app, organization } = await setUp()
  const { id } = await buildMember(app, organization, 'member', 'member')
  const member: Actor = { kind: 'user', user: id, session: 1 as SessionId, isOperator: false }

  await addAdvisory(app.ctx(), content(organization.id))

  expect((await listOwnAdvisories(app.ctx(member), organization.id, PAGE)).items).toHaveLength(1)
  await expect(addAdvisory(app.ctx(member), content(organization.id))).rejects.toMatchObject({ code: 'forbidden' })
})
