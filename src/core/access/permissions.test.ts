import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createTestDatabase, type TestDatabase } from '../../../test/kit/database.ts'
import type { Actor, TokenActor } from '../kernel/actor.ts'
import { isDomainError } from '../kernel/errors.ts'
import { holdsScope, SCOPES, type Scope } from '../kernel/scopes.ts'
import type { OrganizationId, SessionId, TokenId, UserId } from '../kernel/values.ts'
import { insertMember } from '../organizations/index.ts'
import { ACTIONS, authorize, authorizeForPackage, authorizeSelf, requireOwnScopes, type Action } from './permissions.ts'

/** The least that somebody must be, the scope of a token, and whether a token limited to packages keeps the right. */
type Expectation = [
  least: 'owner' | 'admin' | 'member' | 'anybody' | 'self' | 'operator' | 'setup',
  scope: Scope | null,
  limited: 'yes' | 'no',
]

/** Kept by hand beside the table of permissions.ts: whoever changes a right changes it twice. */
const EXPECTED: Record<Action, Expectation> = {
  'instance.set-up': ['setup', null, 'no'],
  'user.create': ['operator', null, 'no'],
  'user.list': ['operator', null, 'no'],
  'user.change': ['operator', null, 'no'],
  'user.delete': ['operator', null, 'no'],
  'organization.create': ['operator', null, 'no'],
  'organization.list': ['anybody', 'organization:read', 'yes'],
  'organization.update': ['admin', 'organization:write', 'no'],
  'organization.change-slug': ['owner', 'organization:write', 'no'],
  'organization.delete': ['owner', 'organization:delete', 'no'],
  'organization.restore': ['operator', null, 'no'],
  'suborganization.list': ['admin', 'organization:read', 'yes'],
  'suborganization.create': ['admin', 'organization:write', 'no'],
  'suborganization.delete': ['admin', 'organization:delete', 'no'],
  'member.list': ['member', 'member:read', 'yes'],
  'member.add': ['operator', null, 'no'],
  'member.change': ['admin', 'member:write', 'no'],
  'member.change-owner': ['owner', null, 'no'],
  'member.leave': ['self', 'member:write', 'no'],
  'team.list': ['admin', 'member:read', 'yes'],
  'team.change': ['admin', 'member:write', 'no'],
  'invitation.list': ['admin', 'member:read', 'yes'],
  'invitation.change': ['admin', 'member:write', 'no'],
  'package.add': ['admin', 'package:write', 'no'],
  'organization.read': ['member', 'organization:read', 'yes'],
  'token.create': ['admin', 'token:write', 'no'],
  'token.list': ['admin', 'token:read', 'yes'],
  'token.change': ['admin', 'token:write', 'no'],
  'token.rotate': ['admin', 'token:write', 'no'],
  'token.revoke': ['admin', 'token:write', 'no'],
  'personal-token.create': ['self', 'token:write', 'no'],
  'personal-token.list': ['self', 'token:read', 'yes'],
  'personal-token.change': ['self', 'token:write', 'no'],
  'personal-token.rotate': ['self', 'token:write', 'no'],
  'personal-token.revoke': ['self', 'token:write', 'no'],
  'job-token.create': ['operator', null, 'no'],
  'source.open': ['admin', null, 'no'],
  'source.publish': ['admin', 'package:write', 'no'],
  'version.delete': ['admin', 'package:delete', 'no'],
  'source.add': ['admin', 'source:write', 'no'],
  'source.list': ['member', 'source:read', 'no'],
  'source.browse': ['member', 'source:read', 'yes'],
  'source.sync': ['admin', 'source:sync', 'no'],
  'source.remove': ['admin', 'source:delete', 'no'],
  'mirror.list': ['admin', 'mirror:read', 'no'],
  'mirror.add': ['admin', 'mirror:write', 'no'],
  'mirror.change': ['admin', 'mirror:write', 'no'],
  'mirror.refresh': ['admin', 'mirror:write', 'no'],
  'mirror.remove': ['admin', 'mirror:delete', 'no'],
  'mirror.use': ['admin', 'package:write', 'no'],
  'source.configure': ['admin', 'source:write', 'no'],
  'hook.show': ['admin', 'hook:read', 'no'],
  'hook.rotate': ['admin', 'hook:write', 'no'],
  'hook.log': ['admin', 'hook:read', 'no'],
  'webhook.list': ['admin', 'hook:read', 'no'],
  'webhook.log': ['admin', 'hook:read', 'no'],
  'webhook.create': ['admin', 'hook:write', 'no'],
  'webhook.change': ['admin', 'hook:write', 'no'],
  'webhook.rotate': ['admin', 'hook:write', 'no'],
  'webhook.remove': ['admin', 'hook:write', 'no'],
  'webhook.send': ['admin', 'hook:write', 'no'],
  'notices.switch': ['admin', 'organization:write', 'no'],
  'filter.list': ['admin', 'advisory:read', 'no'],
  'filter.change': ['admin', 'advisory:write', 'no'],
  'repository.read': ['member', 'organization:read', 'yes'],
  'repository.configure': ['admin', 'organization:write', 'no'],
  'advisory.list': ['member', 'advisory:read', 'yes'],
  'advisory.change': ['admin', 'advisory:write', 'no'],
  'advisory.refresh': ['operator', null, 'no'],
  'advisory.scan': ['admin', 'advisory:write', 'no'],
  'finding.change': ['admin', 'advisory:write', 'no'],
  'artifact.upload': ['admin', 'package:write', 'no'],
  'artifact.list': ['admin', 'package:write', 'no'],
  'artifact.remove': ['admin', 'package:delete', 'no'],
  'package.list': ['member', 'package:read', 'yes'],
  'package.abandon': ['admin', 'package:write', 'no'],
  'package.delete': ['admin', 'package:delete', 'no'],
  'package.read': ['member', 'package:read', 'yes'],
  'statistics.read': ['member', 'statistics:read', 'yes'],
  'statistics.audiences': ['admin', 'statistics:read', 'no'],
  'audit.read': ['admin', 'audit:read', 'no'],
  'audit.read-instance': ['operator', null, 'no'],
  'job.list': ['admin', 'source:read', 'no'],
  'job.retry': ['admin', 'source:write', 'no'],
}

const RANKS = { member: 1, admin: 2, owner: 3 } as const
type Person = keyof typeof RANKS | 'stranger'

interface World {
  database: TestDatabase
  own: OrganizationId
  child: OrganizationId
  other: OrganizationId
  people: Record<Person, UserId>
}

let world: World

beforeAll(async () => {
  const database = await createTestDatabase()
  const { write } = database.database
  const organization = async (slug: string, parent: OrganizationId | null) => {
    const facts = { uid: slug, slug, name: slug, parent_id: parent, revision: 1, modified_at: 1, created_at: 1 }
    return (await write.insertInto('organizations').values(facts).returning('id').executeTakeFirstOrThrow()).id
  }
  const person = async (name: string) => {
    const facts = { uid: name, email: `${name}@example.org`, name, password_hash: null, is_operator: 0, created_at: 1 } as const
    return (await write.insertInto('users').values(facts).returning('id').executeTakeFirstOrThrow()).id
  }
  const own = await organization('acme', null)
  const people = {
    owner: await person('owner'),
    admin: await person('admin'),
    member: await person('member'),
    stranger: await person('stranger'),
  }
  for (const role of ['owner', 'admin', 'member'] as const) {
    await insertMember(write, { organization: own, user: people[role], role, createdAt: 1 })
  }
  world = { database, own, people, child: await organization('child', own), other: await organization('other', null) }
})

afterAll(() => world.database.drop())

function tokenActor(
  owner: { organization: OrganizationId } | { user: UserId },
  rest: Partial<Pick<TokenActor, 'scopes' | 'packages'>> = {},
): TokenActor {
  return {
    kind: 'token',
    token: 1 as TokenId,
    organization: 'organization' in owner ? owner.organization : null,
    user: 'user' in owner ? owner.user : null,
    scopes: null,
    packages: null,
    addresses: null,
    expiresAt: null,
    ...rest,
  }
}

function signedIn(user: UserId, isOperator = false): Actor {
  return { kind: 'user', user, session: 1 as SessionId, isOperator }
}

async function isAllowed(actor: Actor, action: Action, organization: OrganizationId | null): Promise<boolean> {
  const caller = { actor, db: world.database.database.read }
  try {
    if (EXPECTED[action][0] === 'self') {
      await authorizeSelf(caller, action, world.people.member)
    } else {
      await authorize(caller, action, organization)
    }
    return true
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    return false
  }
}

/** What a person of that standing in the own organization may do. */
function mayPerson(person: Person, [least]: Expectation): boolean {
  switch (least) {
    case 'setup':
    case 'operator':
      return false
    case 'anybody':
      return true
    case 'self':
      return person === 'member'
    default:
      return person !== 'stranger' && RANKS[person] >= RANKS[least]
  }
}

const PEOPLE: readonly Person[] = ['owner', 'admin', 'member', 'stranger']

describe.each(ACTIONS)('%s', (action) => {
  const expected = EXPECTED[action]
  const [least, scope, limited] = expected

  test('by the registry, an operator, the holder of the set-up secret, and nobody', async () => {
    const { own, people } = world
    expect(await isAllowed({ kind: 'system' }, action, own)).toBe(true)
    expect(await isAllowed({ kind: 'operator' }, action, own)).toBe(true)
    expect(await isAllowed({ kind: 'setup' }, action, own)).toBe(least === 'setup')
    expect(await isAllowed({ kind: 'anonymous' }, action, own)).toBe(false)
    expect(await isAllowed(signedIn(people.stranger, true), action, own)).toBe(least !== 'setup')
  })

  test.each(PEOPLE)('by a signed-in %s', async (person) => {
    const { own, other, people } = world
    const actor = signedIn(people[person])
    expect(await isAllowed(actor, action, own)).toBe(mayPerson(person, expected))
    if (least !== 'self') {
      expect(await isAllowed(actor, action, other)).toBe(least === 'anybody')
      expect(await isAllowed(actor, action, null)).toBe(least === 'anybody')
    }
  })

  test('in a suborganization by owners and admins of the parent only', async () => {
    const { child, people } = world
    for (const person of PEOPLE) {
      const isInherited = person === 'owner' || person === 'admin'
      const may = least === 'self' || least === 'anybody' || isInherited
      expect(await isAllowed(signedIn(people[person]), action, child)).toBe(may && mayPerson(person, expected))
    }
  })

  test.each(PEOPLE)('by a personal token of a %s, with each scope alone', async (person) => {
    const { own, people } = world
    const may = mayPerson(person, expected) && scope !== null
    expect(await isAllowed(tokenActor({ user: people[person] }), action, own)).toBe(may)
    for (const held of SCOPES) {
      const actor = tokenActor({ user: people[person] }, { scopes: [held] })
      expect(await isAllowed(actor, action, own)).toBe(may && scope !== null && holdsScope([held], scope))
    }
  })

  test('by an organization token, with each scope alone, without any, and limited to packages', async () => {
    const { own, other } = world
    const may = scope !== null && least !== 'self' && least !== 'operator' && least !== 'setup'
    const owner = { organization: own }
    expect(await isAllowed(tokenActor(owner), action, own)).toBe(may)
    expect(await isAllowed(tokenActor(owner, { scopes: [] }), action, own)).toBe(false)
    expect(await isAllowed(tokenActor(owner, { packages: ['acme/*'] }), action, own)).toBe(may && limited === 'yes')
    for (const held of SCOPES) {
      expect(await isAllowed(tokenActor(owner, { scopes: [held] }), action, own)).toBe(
        may && scope !== null && holdsScope([held], scope),
      )
      const all = SCOPES.filter((other) => other !== held)
      expect(await isAllowed(tokenActor(owner, { scopes: all }), action, own)).toBe(
        may && scope !== null && holdsScope(all, scope),
      )
    }
    expect(await isAllowed(tokenActor(owner), action, other)).toBe(may && least === 'anybody')
  })
})

describe('refusals name what is missing', () => {
  const refusal = async (actor: Actor, action: Action, organization: OrganizationId | null) => {
    const failure = await authorize({ actor, db: world.database.database.read }, action, organization).catch((error) => error)
    return isDomainError(failure) ? failure.code : failure
  }

  test('PR-310 in the order token, organization, membership, scope, role', async () => {
    const { own, other, people } = world
    expect(await refusal({ kind: 'anonymous' }, 'source.add', own)).toBe('unauthenticated')
    expect(await refusal(tokenActor({ organization: own }, { scopes: [] }), 'source.add', other)).toBe('foreign_organization')
    expect(await refusal(tokenActor({ user: people.stranger }, { scopes: [] }), 'source.add', own)).toBe('not_member')
    expect(await refusal(tokenActor({ user: people.member }, { scopes: [] }), 'source.add', own)).toBe('scope_missing')
    expect(await refusal(tokenActor({ user: people.member }), 'source.add', own)).toBe('forbidden')
    expect(await refusal(tokenActor({ organization: own }), 'personal-token.list', own)).toBe('user_required')
  })
})

describe('a right about one package', () => {
  const may = async (actor: Actor, name: string | null, organization = world.own) => {
    try {
      await authorizeForPackage({ actor, db: world.database.database.read }, 'artifact.upload', { organization, name })
      return true
    } catch {
      return false
    }
  }

  test('belongs to a limited token for the packages that its patterns cover', async () => {
    const limited = tokenActor({ organization: world.own }, { packages: ['acme/*'] })

    expect([await may(limited, 'acme/http'), await may(limited, 'other/http'), await may(limited, null)]).toEqual([
      true,
      false,
      true,
    ])
  })

  test('belongs to no token in another organization, and to none without the scope', async () => {
    expect(await may(tokenActor({ organization: world.own }, { packages: ['acme/*'] }), 'acme/http', world.other)).toBe(false)
    expect(await may(tokenActor({ organization: world.own }, { scopes: ['package:read'] }), 'acme/http')).toBe(false)
  })

  test('is the plain right of everybody else', async () => {
    expect([await may({ kind: 'operator' }, 'acme/http'), await may({ kind: 'anonymous' }, 'acme/http')]).toEqual([true, false])
    expect(await may(tokenActor({ organization: world.own }), 'any/name')).toBe(true)
  })
})

test('PR-013 a token hands out only what it holds itself', () => {
  const holder = tokenActor({ organization: world.own }, { scopes: ['token:write', 'composer'] })

  expect(() => requireOwnScopes(holder, ['composer'])).not.toThrow()
  expect(() => requireOwnScopes(holder, ['composer', 'audit:read'])).toThrow(
    "Token cannot grant the 'audit:read' scope it does not itself hold.",
  )
  expect(() => requireOwnScopes(holder, null)).toThrow(expect.objectContaining({ code: 'scope_exceeds_own' }))
  expect(() => requireOwnScopes(tokenActor({ organization: world.own }), null)).not.toThrow()
  expect(() => requireOwnScopes({ kind: 'operator' }, null)).not.toThrow()
})
