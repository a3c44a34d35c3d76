/** Members, invitations, slugs and deletions that are changed at once in two processes over one database. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  acceptInvitation,
  addMember,
  changeMemberRole,
  createOrganization,
  createTeam,
  deleteOrganization,
  leaveOrganization,
  registerByInvitation,
  removeMember,
  restoreOrganization,
  sendInvitation,
} from '../../src/core/access/index.ts'
import { createUser, type User } from '../../src/core/accounts/index.ts'
import { changeSlug, purgeOrganizations } from '../../src/core/catalog/index.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import type { SessionId } from '../../src/core/kernel/values.ts'
import { findOrganization, type Organization } from '../../src/core/organizations/index.ts'
import { createCtx } from '../../src/app.ts'
import { failureOf } from '../kit/members.ts'
import { createCorePair, type CorePair, type Side } from './core-kit.ts'

const ROUNDS = 6
const REPORT = { step: async () => {}, progress: () => {}, log: () => {} }

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  let pair: CorePair
  let organization: Organization
  let people = 0

  beforeEach(async () => {
    pair = await createCorePair(kind)
    const found = await findOrganization(pair.left.ports.database.read, pair.organization)
    if (found === null) {
      throw new Error('There is no organization.')
    }
    organization = found
  })

  afterEach(() => pair.end())

  function person(): Promise<User> {
    people += 1
    const facts = { email: `p${people}@example.org`, name: `P${people}`, passwordHash: null, isOperator: false }
    return pair.left.ctx().transaction((tx) => createUser(tx, facts))
  }

  async function owner(): Promise<User> {
    const user = await person()
    await addMember(pair.left.ctx(), { organization, user: user.uid, role: 'owner' })
    return user
  }

  /** A call of somebody who is signed in. */
  function as(side: Side, user: User): Ctx {
    const actor = { kind: 'user', user: user.id, session: 1 as SessionId, isOperator: false } as const
    return createCtx(side.ports, actor, { surface: 'test', address: null, agent: null, requestId: null })
  }

  async function owners(): Promise<number> {
    const { read } = pair.left.ports.database
    const rows = read.selectFrom('members').select('user_id').where('role', '=', 'owner')
    return (await rows.where('organization_id', '=', organization.id).execute()).length
  }

  test('of two owners who demote each other exactly one stays', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [left, right] = [await owner(), await owner()]

      const failures = await Promise.all([
        failureOf(changeMemberRole(as(pair.left, left), { organization, user: right.uid, role: 'member' })),
        failureOf(changeMemberRole(as(pair.right, right), { organization, user: left.uid, role: 'member' })),
      ])

      expect(failures.filter((failure) => failure === null)).toHaveLength(1)
      expect(await owners()).toBe(1)
      const remaining = failures[0] === null ? left : right
      await addMember(pair.left.ctx(), { organization, user: (await person()).uid, role: 'owner' })
      await removeMember(pair.left.ctx(), { organization, user: remaining.uid })
      await pair.left.ports.database.write.deleteFrom('members').execute()
    }
  })

  test('of owners who all leave one has to stay', async () => {
    const all = [await owner(), await owner(), await owner(), await owner()]

    const failures = await Promise.all(
      all.map((user, index) => failureOf(leaveOrganization(as(index % 2 === 0 ? pair.left : pair.right, user), organization))),
    )

    expect(failures.filter((failure) => failure === 'last_owner')).toHaveLength(1)
    expect(await owners()).toBe(1)
  })

  test('of all who accept one invitation at once one becomes a member', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { secret } = await sendInvitation(pair.left.ctx(), { organization, email: `r${round}@example.org`, role: 'admin' })
      const [left, right] = [await person(), await person()]
      const password = 'a long and winding road'

      const failures = await Promise.all([
        failureOf(acceptInvitation(as(pair.left, left), secret ?? '')),
        failureOf(acceptInvitation(as(pair.right, right), secret ?? '')),
        failureOf(registerByInvitation(pair.right.ctx(), { secret: secret ?? '', name: 'New', password })),
      ])

      expect(failures.toSorted()).toEqual(['invitation_closed', 'invitation_closed', null])
      const accepted = pair.left.ports.database.read.selectFrom('members').select('user_id')
      expect(await accepted.execute()).toHaveLength(round + 1)
    }
  })

  test('an address that is invited twice at once has one invitation, a team name one team', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const invite = (side: Side) => sendInvitation(side.ctx(), { organization, email: `x${round}@example.org`, role: 'member' })
      const create = (side: Side) =>
        createTeam(side.ctx(), { organization, name: `Team ${round}`, permissions: [], allPackages: false })

      const invited = await Promise.all([failureOf(invite(pair.left)), failureOf(invite(pair.right))])
      const created = await Promise.all([failureOf(create(pair.left)), failureOf(create(pair.right))])

      expect(invited.toSorted()).toEqual(['already_invited', null])
      expect(created.toSorted()).toEqual([null, 'team_exists'])
    }
  })

  test('PR-020 organizations of one name that are created at once get slugs of their own', async () => {
    const sides = [pair.left, pair.right, pair.left, pair.right, pair.left, pair.right]

    const created = await Promise.all(sides.map((side) => createOrganization(side.ctx(), { name: 'Umbrella' })))

    expect(new Set(created.map(({ slug }) => slug))).toEqual(
      new Set(['umbrella', 'umbrella-2', 'umbrella-3', 'umbrella-4', 'umbrella-5', 'umbrella-6']),
    )
  })

  test('of two organizations that want one slug at once one gets it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const one = await createOrganization(pair.left.ctx(), { name: `One ${round}` })
      const two = await createOrganization(pair.left.ctx(), { name: `Two ${round}` })

      const failures = await Promise.all([
        failureOf(changeSlug(pair.left.ctx(), { organization: one, slug: `wanted-${round}` })),
        failureOf(changeSlug(pair.right.ctx(), { organization: two, slug: `wanted-${round}` })),
      ])

      expect(failures.toSorted()).toEqual([null, 'slug_taken'])
    }
  })

  test('an organization that is restored while it is removed for good is either there or gone', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const target = await createOrganization(pair.left.ctx(), { name: `Round ${round}` })
      await deleteOrganization(pair.left.ctx(), target)
      await pair.left.ports.database.write
        .updateTable('organizations')
        .set({ deleted_at: 1 })
        .where('id', '=', target.id)
        .execute()

      const [, failure] = await Promise.all([
        purgeOrganizations(pair.left.system(), REPORT),
        failureOf(restoreOrganization(pair.right.ctx(), target.uid)),
      ])

      const found = await findOrganization(pair.left.ports.database.read, target.id)
      expect(found === null).toBe(failure === 'organization_not_found')
    }
  })
})
