import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildMember, buildPerson, failureOf } from '../../../test/kit/members.ts'
import { findOrganizationByPath, findRole, organizationPath, type Organization } from '../organizations/index.ts'
import { authenticate } from './authenticate.ts'
import { createOrganization, listOrganizations } from './create-organization.ts'
import { addMember } from './manage-members.ts'
import {
  changeOrganization,
  createSuborganization,
  deleteOrganization,
  listDeletedOrganizations,
  listSuborganizations,
  restoreOrganization,
} from './manage-organizations.ts'

const PAGE = { limit: 100, after: null }

function find(app: TestApp, path: string) {
  return findOrganizationByPath(app.test.database.read, path)
}

describe('a slug that nobody chose', () => {
  test.each([
    ['Acme Inc.', 'acme-inc'],
    ['Größe & Söhne', 'grosse-sohne'],
    ['Łódź Øresund', 'lodz-oresund'],
    ['  --A--  ', 'a'],
    ['日本', 'organization'],
    ['API', 'api-2'],
    ['x'.repeat(200), 'x'.repeat(64)],
  ])('PR-020 of %s is %s', async (name, slug) => {
    const app = await createTestApp()

    expect(await createOrganization(app.ctx(), { name })).toMatchObject({ slug, name: name.trim() })
  })

  test('PR-020 ends in -2 and -3 when it is taken, also by a deleted organization, and still fits', async () => {
    const app = await createTestApp()
    const create = async (name: string) => (await createOrganization(app.ctx(), { name })).slug
    const first = await createOrganization(app.ctx(), { name: 'Acme' })
    await deleteOrganization(app.ctx(), first)

    expect([first.slug, await create('Acme'), await create('ACME')]).toEqual(['acme', 'acme-2', 'acme-3'])
    const long = 'y'.repeat(70)
    expect([await create(long), await create(long)]).toEqual(['y'.repeat(64), `${'y'.repeat(62)}-2`])
  })

  test('PR-020 a chosen slug that is reserved or taken is refused', async () => {
    const app = await createTestApp()
    await app.organization()

    for (const slug of ['settings', 'register', 'horizon', 'invitations', 'organizations']) {
      expect(await failureOf(createOrganization(app.ctx(), { slug, name: 'x' }))).toBe('invalid_input')
    }
    expect(await failureOf(createOrganization(app.ctx(), { slug: 'acme', name: 'x' }))).toBe('slug_taken')
  })
})

test('an operator who signed in owns what they create', async () => {
  const app = await createTestApp()
  const operator = await buildPerson(app, 'olga', true)

  const { id } = await createOrganization(app.ctx(operator.actor), { name: 'Acme' })

  expect(await findRole(app.test.database.read, id, operator.id)).toBe('owner')
})

test('abuse 45 texts of an organization have no control characters, and settings change alone', async () => {
  const app = await createTestApp()
  const organization = await app.organization()
  const change = (settings: Parameters<typeof changeOrganization>[1]['settings']) =>
    changeOrganization(app.ctx(), { organization, settings })

  expect(await failureOf(change({ name: 'a\u0007' }))).toBe('invalid_input')
  expect(await failureOf(change({ description: 'a\u001b[2J' }))).toBe('invalid_input')
  expect(await failureOf(change({ description: 'x'.repeat(2001) }))).toBe('invalid_input')
  expect(await change({})).toEqual(organization)
  expect(await change({ description: ' Two\nlines ', memberAccess: 'teams' })).toMatchObject({
    name: 'acme',
    description: 'Two\nlines',
    memberAccess: 'teams',
  })
  expect(await change({ description: '' })).toMatchObject({ description: null, memberAccess: 'teams' })
  expect(app.events.filter(({ type }) => type === 'organization.settings-changed')).toMatchObject([
    { fields: ['description', 'memberAccess'] },
    { fields: ['description'] },
  ])
})

describe('suborganizations', () => {
  async function setUp() {
    const app = await createTestApp()
    const parent = await app.organization()
    const people = {
      owner: await buildMember(app, parent, 'owner', 'owner'),
      admin: await buildMember(app, parent, 'admin', 'admin'),
      member: await buildMember(app, parent, 'member', 'member'),
      stranger: await buildPerson(app, 'stranger'),
    }
    const create = (by: keyof typeof people, name = 'Themes', slug: string | null = null) =>
      createSuborganization(app.ctx(people[by].actor), { parent, name, slug })
    return { app, parent, people, create }
  }

  test('have slugs of their own below the parent, one level deep', async () => {
    const { app, parent, create } = await setUp()
    const child = await create('admin')

    expect(await organizationPath(app.test.database.read, child)).toBe('acme/themes')
    expect((await create('owner')).slug).toBe('themes-2')
    expect((await create('owner', 'x', 'setup')).slug).toBe('setup')
    expect((await create('owner', 'Downloads')).slug).toBe('downloads-2')
    expect(await failureOf(create('owner', 'x', 'p2'))).toBe('invalid_input')
    expect(await failureOf(create('owner', 'x', 'themes'))).toBe('slug_taken')
    expect((await createOrganization(app.ctx(), { name: 'Themes' })).slug).toBe('themes')
    expect(await failureOf(createSuborganization(app.ctx(), { parent: child, name: 'x' }))).toBe('invalid_input')
    const listed = await listSuborganizations(app.ctx(), { organization: parent, page: PAGE })
    expect(listed.items.map(({ slug }) => slug)).toEqual(['themes', 'themes-2', 'setup', 'downloads-2'])
  })

  test('belong to the owners and admins of the parent, and to nobody else of it', async () => {
    const { app, people, create } = await setUp()
    const { id } = await create('admin')

    const roles = Object.values(people).map((person) => findRole(app.test.database.read, id, person.id))
    expect(await Promise.all(roles)).toEqual(['owner', 'admin', null, null])
    expect(await failureOf(create('member'))).toBe('forbidden')
    expect(await failureOf(create('stranger'))).toBe('not_member')
  })

  test('are deleted by those in charge of the parent', async () => {
    const { app, people, create } = await setUp()
    const child = await create('admin')
    await addMember(app.ctx(), { organization: child, user: people.stranger.uid, role: 'owner' })

    expect(await failureOf(deleteOrganization(app.ctx(people.stranger.actor), child))).toBe('not_member')
    expect(await failureOf(deleteOrganization(app.ctx(people.member.actor), child))).toBe('forbidden')
    await deleteOrganization(app.ctx(people.admin.actor), child)
    expect(await find(app, 'acme/themes')).toBeNull()
    expect(await find(app, 'acme')).not.toBeNull()
  })
})

describe('a deleted organization', () => {
  async function setUp() {
    const app = await createTestApp()
    const organization = await app.organization()
    const owner = await buildMember(app, organization, 'owner', 'owner')
    const admin = await buildMember(app, organization, 'admin', 'admin')
    const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
    const earlier = await createSuborganization(app.ctx(), { parent: organization, name: 'Earlier' })
    await deleteOrganization(app.ctx(), earlier)
    app.clock.advance('1 minute')
    const remove = (by = owner) => deleteOrganization(app.ctx(by.actor), organization)
    return { app, organization, owner, admin, child, earlier, remove }
  }

  test('is deleted by an owner, not by an admin', async () => {
    const { app, admin, remove } = await setUp()

    expect(await failureOf(remove(admin))).toBe('forbidden')
    expect(await failureOf(remove())).toBeNull()
    expect(app.events.at(-1)).toMatchObject({ type: 'organization.deleted', slug: 'acme' })
  })

  test('is nowhere at once: no path, no role, no token, no list', async () => {
    const { app, organization, owner, child, remove } = await setUp()
    const own = await app.token(organization.id)
    const below = await app.token(child.id)

    await remove()

    const { read } = app.test.database
    expect([await find(app, 'acme'), await find(app, 'acme/child')]).toEqual([null, null])
    expect([await findRole(read, organization.id, owner.id), await findRole(read, child.id, owner.id)]).toEqual([null, null])
    for (const { secret } of [own, below]) {
      expect(await authenticate(read, secret, app.clock.now())).toBeNull()
    }
    expect((await listOrganizations(app.ctx(owner.actor), PAGE)).items).toEqual([])
    expect((await listOrganizations(app.ctx(), PAGE)).items).toEqual([])
    expect(await failureOf(changeOrganization(app.ctx(), { organization, settings: { name: 'x' } }))).toBe(
      'organization_not_found',
    )
    expect(await failureOf(remove())).toBe('not_member')
  })

  test('comes back as it was, with the suborganizations that were deleted with it', async () => {
    const { app, organization, owner, child, earlier, remove } = await setUp()
    const { secret } = await app.token(child.id)
    await remove()

    expect(await failureOf(listDeletedOrganizations(app.ctx(owner.actor)))).toBe('forbidden')
    const deleted: Organization[] = await listDeletedOrganizations(app.ctx())
    expect(deleted.map(({ slug }) => slug)).toEqual(['earlier', 'acme', 'child'])
    expect(await failureOf(restoreOrganization(app.ctx(), child.uid))).toBe('invalid_input')
    await restoreOrganization(app.ctx(), organization.uid)

    expect((await find(app, 'acme/child'))?.id).toBe(child.id)
    expect(await find(app, 'acme/earlier')).toBeNull()
    expect(await authenticate(app.test.database.read, secret, app.clock.now())).not.toBeNull()
    expect(await findRole(app.test.database.read, organization.id, owner.id)).toBe('owner')
    expect(await failureOf(restoreOrganization(app.ctx(), organization.uid))).toBe('organization_not_found')
    expect(await failureOf(restoreOrganization(app.ctx(SYSTEM), earlier.uid))).toBeNull()
  })
})
