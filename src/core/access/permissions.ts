import type { Actor } from '../kernel/actor.ts'
import { DomainError } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { coversPackage } from './package-globs.ts'

/** What a class of actor may do: nothing, or everything of that action inside its own organization, or anywhere. */
type Scope = 'never' | 'own' | 'any'

interface Row {
  operator: Scope
  setup: Scope
  updateToken: Scope
  readToken: Scope
}

/**
 * The permission table: one row per command or query that needs a right. `system` may do everything, `anonymous` nothing. A
 * token limited to packages counts as a read token for everything that is not about one package.
 */
const PERMISSIONS = {
  'instance.set-up': { operator: 'any', setup: 'any', updateToken: 'never', readToken: 'never' },
  'organization.create': { operator: 'any', setup: 'never', updateToken: 'never', readToken: 'never' },
  'organization.list': { operator: 'any', setup: 'never', updateToken: 'never', readToken: 'never' },
  'token.create': { operator: 'any', setup: 'never', updateToken: 'never', readToken: 'never' },
  'token.list': { operator: 'any', setup: 'never', updateToken: 'never', readToken: 'never' },
  'token.revoke': { operator: 'any', setup: 'never', updateToken: 'never', readToken: 'never' },
  'source.add': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'source.list': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'source.sync': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'source.remove': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'source.configure': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'hook.show': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'hook.rotate': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'hook.log': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'artifact.upload': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'artifact.list': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'artifact.remove': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'package.list': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'own' },
  'package.read': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'own' },
  'job.list': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
  'job.retry': { operator: 'any', setup: 'never', updateToken: 'own', readToken: 'never' },
} as const satisfies Record<string, Row>

/** An action that needs a right. */
export type Action = keyof typeof PERMISSIONS

/** All actions, for the generated test of actors against actions. */
export const ACTIONS = Object.keys(PERMISSIONS) as Action[]

/**
 * Lets the call go on or throws `unauthenticated` (nobody) or `forbidden` (somebody without the right). `organization` is null
 * for what concerns the whole instance. Personal tokens were resolved to one organization by `authenticate`'s caller.
 */
export function authorize(actor: Actor, action: Action, organization: OrganizationId | null): void {
  if (actor.kind === 'system') {
    return
  }
  if (actor.kind === 'anonymous') {
    throw new DomainError('unauthenticated')
  }
  const row: Row = PERMISSIONS[action]
  const scope = row[permissionClass(actor)]
  const isOwn = actor.kind === 'token' && organization !== null && actor.organization === organization
  if (scope === 'any' || (scope === 'own' && isOwn)) {
    return
  }
  throw new DomainError('forbidden', { action })
}

/**
 * As `authorize` for what is about one package: a token limited to packages has the right of an unlimited one for those that its
 * patterns cover. With `name` null, for a call that has yet to learn the name, it is enough that there may be such a package.
 */
export function authorizeForPackage(
  actor: Actor,
  action: Action,
  { organization, name }: { organization: OrganizationId; name: string | null },
): void {
  const isCovered = actor.kind === 'token' && (name === null || coversPackage(actor.packages, name))
  authorize(isCovered ? { ...actor, packages: null } : actor, action, organization)
}

function permissionClass(actor: Exclude<Actor, { kind: 'system' | 'anonymous' }>): keyof Row {
  if (actor.kind !== 'token') {
    return actor.kind
  }
  return actor.access === 'update' && actor.packages === null ? 'updateToken' : 'readToken'
}
