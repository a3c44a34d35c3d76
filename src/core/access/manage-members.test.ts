import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildMember, buildPerson, failureOf, type TestPerson } from '../../../test/kit/members.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Role } from '../kernel/schema.ts'
import { findRole } from '../organizations/index.ts'
import { addMember, changeMemberRole, leaveOrganization, listMembers, parseRole, removeMember } from './manage-members.ts'
import { createSuborganization } from './manage-organizations.ts'

async function setUp() {
  const app = await createTestApp()
  const organization = await app.organization()
  const owner = await buildMember(app, organization, 'owner', 'owner')
  const admin = await buildMember(app, organization, 'admin', 'admin')
  const member = await buildMember(app, organization, 'member', 'member')
  const change = (by: Actor, person: TestPerson, role: Role) =>
    changeMemberRole(app.ctx(by), { organization, user: person.uid, role })
  const remove = (by: Actor, person: TestPerson) => removeMember(app.ctx(by), { organization, user: person.uid })
  const leave = (by: Actor) => leaveOrganization(app.ctx(by), organization)
  const roleOf = (person: TestPerson) => findRole(app.test.database.read, organization.id, person.id)
  return { app, organization, owner, admin, member, change, remove, leave, roleOf }
}

test('members are listed with role and address, for members only', async () => {
  const { app, organization, owner, member } = await setUp()
  const stranger = await buildPerson(app, 'stranger')
  const list = (by: Actor) => listMembers(app.ctx(by), { organization: organization.id, page: { limit: 2, after: null } })

  const { items, next } = await list(member.actor)

  expect(items).toMatchObject([
    { uid: owner.uid, email: 'owner@example.org', role: 'owner' },
    { name: 'admin', role: 'admin' },
  ])
  expect(next).toBe(items[1]?.id ?? 0)
  expect(await failureOf(list(stranger.actor))).toBe('not_member')
})

describe('roles', () => {
  test('admins make and unmake admins and members', async () => {
    const { admin, member, change, remove, roleOf, app } = await setUp()

    expect(await change(admin.actor, member, 'admin')).toMatchObject({ role: 'admin' })
    expect(await change(admin.actor, member, 'admin')).toMatchObject({ role: 'admin' })
    await change(member.actor, admin, 'member')
    expect(await failureOf(change(admin.actor, member, 'member'))).toBe('forbidden')
    await remove(member.actor, admin)

    expect([await roleOf(admin), await roleOf(member)]).toEqual([null, 'admin'])
    expect(app.events.slice(-3)).toMatchObject([
      { type: 'member.role-changed', user: member.id, from: 'member', to: 'admin' },
      { type: 'member.role-changed', user: admin.id, from: 'admin', to: 'member' },
      { type: 'member.removed', user: admin.id, role: 'member' },
    ])
  })

  test('only owners, signed in, make or unmake owners', async () => {
    const { app, organization, owner, admin, member, change, remove, roleOf } = await setUp()
    const { actor: token } = await app.token(organization.id)
    const all: Actor = { ...token, scopes: null } as Actor

    for (const by of [admin.actor, all]) {
      expect(await failureOf(change(by, member, 'owner'))).toBe('owner_protected')
      expect(await failureOf(change(by, owner, 'member'))).toBe('owner_protected')
      expect(await failureOf(remove(by, owner))).toBe('owner_protected')
    }
    expect(await failureOf(change(token, member, 'admin'))).toBe('scope_missing')
    await change(all, member, 'admin')
    await change(owner.actor, member, 'owner')
    await change(member.actor, owner, 'member')

    expect([await roleOf(owner), await roleOf(member)]).toEqual(['member', 'owner'])
  })

  test('the last owner can neither be removed nor demoted nor leave, whoever tries', async () => {
    const { app, owner, admin, change, remove, leave } = await setUp()

    for (const by of [owner.actor, { kind: 'operator' } as const]) {
      expect(await failureOf(change(by, owner, 'admin'))).toBe('last_owner')
      expect(await failureOf(remove(by, owner))).toBe('last_owner')
    }
    expect(await failureOf(leave(owner.actor))).toBe('last_owner')
    await change(owner.actor, admin, 'owner')
    expect(await failureOf(leave(owner.actor))).toBeNull()
    expect(app.events.at(-1)).toMatchObject({ type: 'member.removed', user: owner.id })
  })

  test('a suborganization may lose its own owners, because those of the parent are in charge', async () => {
    const { app, organization, owner } = await setUp()
    const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
    const chief = await buildMember(app, child, 'chief', 'owner')

    await leaveOrganization(app.ctx(chief.actor), child)

    expect(await findRole(app.test.database.read, child.id, chief.id)).toBeNull()
    expect(await failureOf(leaveOrganization(app.ctx(owner.actor), child))).toBe('member_not_found')
  })

  test.each(['Owner', '', 'root'])('%j is no role', (text) => {
    expect(() => parseRole(text)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
  })
})

describe('what members may not do', () => {
  test('members change nobody, strangers learn nothing, and nobody leaves for others', async () => {
    const { app, owner, member, change, remove, leave } = await setUp()
    const stranger = await buildPerson(app, 'stranger')

    expect(await failureOf(change(member.actor, member, 'admin'))).toBe('forbidden')
    expect(await failureOf(remove(member.actor, owner))).toBe('forbidden')
    for (const person of [member, stranger]) {
      expect(await failureOf(remove(stranger.actor, person))).toBe('not_member')
    }
    expect(await failureOf(leave(stranger.actor))).toBe('member_not_found')
    expect(await failureOf(leave({ kind: 'operator' }))).toBe('user_required')
    expect(await failureOf(remove(owner.actor, stranger))).toBe('member_not_found')
  })

  test('abuse 38 only operators add accounts directly, because that tells whether one exists', async () => {
    const { app, organization, owner } = await setUp()
    await buildPerson(app, 'stranger')
    const add = (by: Actor, user: string) => addMember(app.ctx(by), { organization, user, role: 'member' })

    for (const address of ['stranger@example.org', 'nobody@example.org']) {
      expect(await failureOf(add(owner.actor, address))).toBe('forbidden')
    }
    expect(await failureOf(add({ kind: 'operator' }, 'nobody@example.org'))).toBe('member_not_found')
    expect(await add({ kind: 'operator' }, 'Stranger@Example.org')).toMatchObject({ name: 'stranger', role: 'member' })
    expect(await failureOf(add({ kind: 'operator' }, 'stranger@example.org'))).toBe('already_member')
  })
})
