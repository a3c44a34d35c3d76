import { describe, expect, test } from 'bun:test'
import type { Actor, TokenActor } from '../kernel/actor.ts'
import type { OrganizationId, TokenId } from '../kernel/values.ts'
import { ACTIONS, authorize, authorizeForPackage, type Action } from './permissions.ts'

const OWN = 1 as OrganizationId
const OTHER = 2 as OrganizationId

function tokenActor(access: 'read' | 'update', packages: string[] | null): TokenActor {
  return { kind: 'token', token: 1 as TokenId, organization: OWN, user: null, access, packages, expiresAt: null }
}

const ACTORS: Record<string, Actor> = {
  anonymous: { kind: 'anonymous' },
  system: { kind: 'system' },
  operator: { kind: 'operator' },
  setup: { kind: 'setup' },
  'update token': tokenActor('update', null),
  'limited update token': tokenActor('update', ['acme/*']),
  'read token': tokenActor('read', null),
}

/** Who may do what inside the own organization; everything that is not listed is refused. */
const ALLOWED: Record<Action, string[]> = {
  'instance.set-up': ['operator', 'setup'],
  'organization.create': ['operator'],
  'organization.list': ['operator'],
  'token.create': ['operator'],
  'token.list': ['operator'],
  'token.revoke': ['operator'],
  'source.add': ['operator', 'update token'],
  'source.list': ['operator', 'update token'],
  'source.sync': ['operator', 'update token'],
  'source.remove': ['operator', 'update token'],
  'source.configure': ['operator', 'update token'],
  'hook.show': ['operator', 'update token'],
  'hook.rotate': ['operator', 'update token'],
  'hook.log': ['operator', 'update token'],
  'artifact.upload': ['operator', 'update token'],
  'artifact.list': ['operator', 'update token'],
  'artifact.remove': ['operator', 'update token'],
  'package.list': ['operator', 'update token', 'limited update token', 'read token'],
  'package.read': ['operator', 'update token', 'limited update token', 'read token'],
  'job.list': ['operator', 'update token'],
  'job.retry': ['operator', 'update token'],
}

function isAllowed(actor: Actor, action: Action, organization: OrganizationId | null): boolean {
  try {
    authorize(actor, action, organization)
    return true
  } catch {
    return false
  }
}

describe.each(ACTIONS)('%s', (action) => {
  test.each(Object.entries(ACTORS))('by %s', (name, actor) => {
    expect(isAllowed(actor, action, OWN)).toBe(name === 'system' || ALLOWED[action].includes(name))
  })

  test('never by a token in another organization or for the whole instance', () => {
    for (const actor of Object.values(ACTORS)) {
      if (actor.kind === 'token') {
        expect(isAllowed(actor, action, OTHER)).toBe(false)
        expect(isAllowed(actor, action, null)).toBe(false)
      }
    }
  })
})

test('nobody and somebody without the right are told apart', () => {
  expect(() => authorize({ kind: 'anonymous' }, 'source.add', OWN)).toThrow(expect.objectContaining({ code: 'unauthenticated' }))
  expect(() => authorize(tokenActor('read', null), 'source.add', OWN)).toThrow(expect.objectContaining({ code: 'forbidden' }))
})

describe('a right about one package', () => {
  const may = (actor: Actor, name: string | null, organization = OWN) => {
    try {
      authorizeForPackage(actor, 'artifact.upload', { organization, name })
      return true
    } catch {
      return false
    }
  }

  test('belongs to a limited update token for the packages that its patterns cover', () => {
    const limited = tokenActor('update', ['acme/*'])

    expect([may(limited, 'acme/http'), may(limited, 'other/http'), may(limited, null)]).toEqual([true, false, true])
  })

  test('belongs to no token in another organization, and to no read token', () => {
    expect(may(tokenActor('update', ['acme/*']), 'acme/http', OTHER)).toBe(false)
    expect(may(tokenActor('read', ['acme/*']), 'acme/http')).toBe(false)
    expect(may(tokenActor('read', null), null)).toBe(false)
  })

  test('is the plain right of everybody else', () => {
    expect([may({ kind: 'operator' }, 'acme/http'), may({ kind: 'anonymous' }, 'acme/http')]).toEqual([true, false])
    expect(may(tokenActor('update', null), 'any/name')).toBe(true)
  })
})
