import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { buildMember, buildPerson, failureOf } from '../../../test/kit/members.ts'
import type { Actor } from '../kernel/actor.ts'
import { findRole } from '../organizations/index.ts'
import { addTeamPackages, listTeamPackages } from '../packages/index.ts'
import { listOrganizations } from './create-organization.ts'
import { getOwnOrganization } from './get-own-organization.ts'
import { createSuborganization } from './manage-organizations.ts'
import { changeTeam, createTeam, deleteTeam, getTeamByName, listTeams, parseTeamPermissions } from './manage-teams.ts'
import {
  addTeamMember,
  assignTeam,
  listAssignedTeams,
  listAssignments,
  listTeamMembers,
  removeTeamMember,
  unassignTeam,
} from './team-members.ts'

const PAGE = { limit: 100, after: null }

async function setUp() {
  const app = await createTestApp()
  const organization = await app.organization()
  const admin = await buildMember(app, organization, 'admin', 'admin')
  const member = await buildMember(app, organization, 'member', 'member')
  const create = (name: string, by: Actor = admin.actor) =>
    createTeam(app.ctx(by), { organization, name, permissions: ['package.edit'], allPackages: false })
  return { app, organization, admin, member, create }
}

test('teams have names of their own, and are listed with their sizes', async () => {
  const { app, organization, member, create } = await setUp()
  await buildPackage(app, { organization: organization.id, name: 'acme/http' })
  const web = await create(' Web ')
  await create('Ops')
  const place = { organization, team: web.uid }
  await addTeamMember(app.ctx(), { ...place, user: member.uid })
  await addTeamMember(app.ctx(), { ...place, user: member.uid })
  await addTeamPackages(app.ctx(), { ...place, names: ['ACME/http', 'acme/http'] })

  expect((await listTeams(app.ctx(), { organization: organization.id, page: PAGE })).items).toMatchObject([
    { name: 'Web', members: 1, packages: 1, permissions: ['package.edit'] },
    { name: 'Ops', members: 0, packages: 0 },
  ])
  expect(await failureOf(create('Web'))).toBe('team_exists')
  expect(await failureOf(create('\u0000'))).toBe('invalid_input')
  expect(await failureOf(changeTeam(app.ctx(), { organization, uid: web.uid, settings: { name: 'Ops' } }))).toBe('team_exists')
  expect(await changeTeam(app.ctx(), { organization, uid: web.uid, settings: { name: 'Web' } })).toMatchObject({ name: 'Web' })
  expect(await getTeamByName(app.ctx(), { organization: organization.id, name: web.uid })).toMatchObject({ name: 'Web' })
})

test('a team with all packages lists those that there are, and its own when that ends', async () => {
  const { app, organization, create } = await setUp()
  const web = await create('Web')
  await buildPackage(app, { organization: organization.id, name: 'acme/http' })
  await buildPackage(app, { organization: organization.id, name: 'acme/log' })
  await addTeamPackages(app.ctx(), { organization, team: web.uid, names: ['acme/log'] })
  const set = async (allPackages: boolean) => {
    const team = await changeTeam(app.ctx(), { organization, uid: web.uid, settings: { allPackages } })
    return listTeamPackages(app.ctx(), { team, limit: 10, afterName: '' })
  }

  expect(await set(true)).toEqual(['acme/http', 'acme/log'])
  expect(await set(false)).toEqual(['acme/log'])
})

test('packages are given to a team all or none', async () => {
  const { app, organization, create } = await setUp()
  const web = await create('Web')
  await buildPackage(app, { organization: organization.id, name: 'acme/http' })
  const add = (names: string[]) => failureOf(addTeamPackages(app.ctx(), { organization, team: web.uid, names }))

  expect(await add(['acme/http', 'acme/none'])).toBe('package_not_found')
  expect(await listTeamPackages(app.ctx(), { team: web, limit: 10, afterName: '' })).toEqual([])
  expect([await add([]), await add(Array.from({ length: 501 }, (_, index) => `a/${index}`))]).toEqual([
    'invalid_input',
    'invalid_input',
  ])
})

describe('who is in a team', () => {
  test('is a member of the organization, and nobody else', async () => {
    const { app, organization, member, create } = await setUp()
    const stranger = await buildPerson(app, 'stranger')
    const web = await create('Web')
    const place = { organization, team: web.uid }

    expect(await failureOf(addTeamMember(app.ctx(), { ...place, user: stranger.uid }))).toBe('member_not_found')
    expect(await failureOf(removeTeamMember(app.ctx(), { ...place, user: member.uid }))).toBe('member_not_found')
    await addTeamMember(app.ctx(), { ...place, user: member.uid })
    expect((await listTeamMembers(app.ctx(), { team: web, page: PAGE })).items).toMatchObject([{ email: 'member@example.org' }])
  })

  test('abuse 65 is nobody of another organization, whose teams are not found either', async () => {
    const { app, member, create } = await setUp()
    const web = await create('Web')
    const other = await app.organization('other')
    const foreign = await createTeam(app.ctx(), { organization: other, name: 'Web', permissions: [], allPackages: false })

    expect(await failureOf(addTeamMember(app.ctx(), { organization: other, team: web.uid, user: member.uid }))).toBe(
      'team_not_found',
    )
    expect(await failureOf(addTeamMember(app.ctx(), { organization: other, team: foreign.uid, user: member.uid }))).toBe(
      'member_not_found',
    )
    expect(await failureOf(deleteTeam(app.ctx(), { organization: other, uid: web.uid }))).toBe('team_not_found')
  })
})

describe('a team in a suborganization', () => {
  test('gives its members a role there, as long as both last', async () => {
    const { app, organization, member, create } = await setUp()
    const web = await create('Web')
    const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
    const role = () => findRole(app.test.database.read, child.id, member.id)
    const assign = (wanted: 'admin' | 'member') => assignTeam(app.ctx(), { suborganization: child, team: web.uid, role: wanted })
    await assign('member')
    expect(await role()).toBeNull()

    await addTeamMember(app.ctx(), { organization, team: web.uid, user: member.uid })
    expect(await role()).toBe('member')
    await assign('admin')
    expect(await role()).toBe('admin')
    const { items } = await listOrganizations(app.ctx(member.actor), PAGE)
    expect(items.map(({ slug }) => slug)).toEqual(['acme', 'child'])
    expect(await listAssignedTeams(app.ctx(), child)).toMatchObject([{ name: 'Web', role: 'admin' }])
    expect(await listAssignments(app.ctx(), web)).toMatchObject([{ slug: 'child', role: 'admin' }])

    await unassignTeam(app.ctx(), { suborganization: child, team: web.uid })
    expect(await role()).toBeNull()
    expect(await failureOf(unassignTeam(app.ctx(), { suborganization: child, team: web.uid }))).toBe('team_not_found')
    await assign('admin')
    await deleteTeam(app.ctx(), { organization, uid: web.uid })
    expect(await role()).toBeNull()
  })

  test('is decided by the admins of the parent, with teams of the parent', async () => {
    const { app, organization, admin, create } = await setUp()
    const web = await create('Web')
    const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
    const chief = await buildMember(app, child, 'chief', 'owner')
    const own = await createTeam(app.ctx(chief.actor), { organization: child, name: 'Own', permissions: [], allPackages: false })
    const assign = (by: Actor, team: string, target = child) =>
      failureOf(assignTeam(app.ctx(by), { suborganization: target, team, role: 'admin' }))

    expect(await assign(chief.actor, web.uid)).toBe('not_member')
    expect(await assign(admin.actor, own.uid)).toBe('team_not_found')
    expect(await assign(admin.actor, web.uid, organization)).toBe('invalid_input')
    expect(await assign(admin.actor, web.uid)).toBeNull()
  })
})

test('abuse 38 an organization does not exist for who is not in it', async () => {
  const { app, organization, member } = await setUp()
  const stranger = await buildPerson(app, 'stranger')
  const other = await app.organization('other')
  const { actor: foreign } = await app.token(other.id)
  const get = (by: Actor, uid: string) => failureOf(getOwnOrganization(app.ctx(by), uid))

  for (const by of [stranger.actor, foreign]) {
    expect([await get(by, organization.uid), await get(by, 'none')]).toEqual(['organization_not_found', 'organization_not_found'])
  }
  expect([await get({ kind: 'anonymous' }, organization.uid), await get({ kind: 'anonymous' }, 'none')]).toEqual([
    'unauthenticated',
    'unauthenticated',
  ])
  expect(await getOwnOrganization(app.ctx(member.actor), organization.uid)).toMatchObject({ path: 'acme', role: 'member' })
})

test.each([['everything'], ['package.add,'], ['']])('%j is no permission', (text) => {
  expect(() => parseTeamPermissions(text.split(',').concat('x'))).toThrow(expect.objectContaining({ code: 'invalid_input' }))
})
