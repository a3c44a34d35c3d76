import type { Actor, TokenActor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Role, TeamPermission } from '../kernel/schema.ts'
import { holdsScope, type Scope } from '../kernel/scopes.ts'
import type { OrganizationId, SourceId, UserId } from '../kernel/values.ts'
import { findRole } from '../organizations/index.ts'
import { coversPackage } from './package-globs.ts'
import { hasTeamRight, type TeamSubject } from './team-rights.ts'

/**
 * Who may do something. `role` is the least role in the organization; `anybody` is whoever has a valid credential, `self` the person whom it
 * is about, `operator` somebody who runs the instance, `setup` also who holds the set-up secret. `scope` is what a token must hold besides;
 * with null no token may do it at all. `limited` says whether a token that is limited to packages keeps the right. `team` is the permission of a
 * team that gives the right to its members below the role; see `hasTeamRight`.
 */
interface Row {
  role: Role | 'anybody' | 'self' | 'operator' | 'setup'
  scope: Scope | null
  limited: 'yes' | 'no'
  team?: TeamPermission
}

/** The permission table: one row per command or query that needs a right. `system` may do everything, `anonymous` nothing. */
const PERMISSIONS = {
  'instance.set-up': { role: 'setup', scope: null, limited: 'no' },
  'user.create': { role: 'operator', scope: null, limited: 'no' },
  'user.list': { role: 'operator', scope: null, limited: 'no' },
  'user.change': { role: 'operator', scope: null, limited: 'no' },
  'user.delete': { role: 'operator', scope: null, limited: 'no' },
  'organization.create': { role: 'operator', scope: null, limited: 'no' },
  'organization.list': { role: 'anybody', scope: 'organization:read', limited: 'yes' },
  'organization.update': { role: 'admin', scope: 'organization:write', limited: 'no' },
  'organization.change-slug': { role: 'owner', scope: 'organization:write', limited: 'no' },
  'organization.delete': { role: 'owner', scope: 'organization:delete', limited: 'no' },
  'organization.restore': { role: 'operator', scope: null, limited: 'no' },
  'suborganization.list': { role: 'admin', scope: 'organization:read', limited: 'yes' },
  'suborganization.create': { role: 'admin', scope: 'organization:write', limited: 'no', team: 'suborganization.create' },
  'suborganization.delete': { role: 'admin', scope: 'organization:delete', limited: 'no' },
  'member.list': { role: 'member', scope: 'member:read', limited: 'yes' },
  'member.add': { role: 'operator', scope: null, limited: 'no' },
  'member.change': { role: 'admin', scope: 'member:write', limited: 'no' },
  'member.change-owner': { role: 'owner', scope: null, limited: 'no' },
  'member.leave': { role: 'self', scope: 'member:write', limited: 'no' },
  'team.list': { role: 'admin', scope: 'member:read', limited: 'yes' },
  'team.change': { role: 'admin', scope: 'member:write', limited: 'no' },
  'invitation.list': { role: 'admin', scope: 'member:read', limited: 'yes' },
  'invitation.change': { role: 'admin', scope: 'member:write', limited: 'no' },
  'organization.read': { role: 'member', scope: 'organization:read', limited: 'yes' },
  'token.create': { role: 'admin', scope: 'token:write', limited: 'no' },
  'token.list': { role: 'admin', scope: 'token:read', limited: 'yes' },
  'token.change': { role: 'admin', scope: 'token:write', limited: 'no' },
  'token.rotate': { role: 'admin', scope: 'token:write', limited: 'no' },
  'token.revoke': { role: 'admin', scope: 'token:write', limited: 'no' },
  'personal-token.create': { role: 'self', scope: 'token:write', limited: 'no' },
  'personal-token.list': { role: 'self', scope: 'token:read', limited: 'yes' },
  'personal-token.change': { role: 'self', scope: 'token:write', limited: 'no' },
  'personal-token.rotate': { role: 'self', scope: 'token:write', limited: 'no' },
  'personal-token.revoke': { role: 'self', scope: 'token:write', limited: 'no' },
  'job-token.create': { role: 'operator', scope: null, limited: 'no' },
  'source.open': { role: 'admin', scope: null, limited: 'no' },
  'source.publish': { role: 'admin', scope: 'package:write', limited: 'no', team: 'package.edit' },
  'version.delete': { role: 'admin', scope: 'package:delete', limited: 'no' },
  'source.add': { role: 'admin', scope: 'source:write', limited: 'no', team: 'package.add' },
  'source.list': { role: 'member', scope: 'source:read', limited: 'no' },
  'source.browse': { role: 'member', scope: 'source:read', limited: 'yes' },
  'source.sync': { role: 'admin', scope: 'source:sync', limited: 'no', team: 'package.edit' },
  'source.remove': { role: 'admin', scope: 'source:delete', limited: 'no' },
  'source.configure': { role: 'admin', scope: 'source:write', limited: 'no', team: 'package.edit' },
  'mirror.list': { role: 'admin', scope: 'mirror:read', limited: 'no' },
  'mirror.add': { role: 'admin', scope: 'mirror:write', limited: 'no' },
  'mirror.change': { role: 'admin', scope: 'mirror:write', limited: 'no' },
  'mirror.refresh': { role: 'admin', scope: 'mirror:write', limited: 'no' },
  'mirror.remove': { role: 'admin', scope: 'mirror:delete', limited: 'no' },
  'mirror.use': { role: 'admin', scope: 'package:write', limited: 'no', team: 'package.add' },
  'hook.show': { role: 'admin', scope: 'hook:read', limited: 'no' },
  'hook.rotate': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'hook.log': { role: 'admin', scope: 'hook:read', limited: 'no' },
  'package.add': { role: 'admin', scope: 'package:write', limited: 'no', team: 'package.add' },
  'webhook.list': { role: 'admin', scope: 'hook:read', limited: 'no' },
  'webhook.log': { role: 'admin', scope: 'hook:read', limited: 'no' },
  'webhook.create': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'webhook.change': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'webhook.rotate': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'webhook.remove': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'webhook.send': { role: 'admin', scope: 'hook:write', limited: 'no' },
  'notices.switch': { role: 'admin', scope: 'organization:write', limited: 'no' },
  'advisory.list': { role: 'member', scope: 'advisory:read', limited: 'yes' },
  'advisory.change': { role: 'admin', scope: 'advisory:write', limited: 'no' },
  'advisory.refresh': { role: 'operator', scope: null, limited: 'no' },
  'advisory.scan': { role: 'admin', scope: 'advisory:write', limited: 'no' },
  'finding.change': { role: 'admin', scope: 'advisory:write', limited: 'no', team: 'package.edit' },
  'filter.list': { role: 'admin', scope: 'advisory:read', limited: 'no' },
  'filter.change': { role: 'admin', scope: 'advisory:write', limited: 'no' },
  'repository.read': { role: 'member', scope: 'organization:read', limited: 'yes' },
  'repository.configure': { role: 'admin', scope: 'organization:write', limited: 'no' },
  'artifact.upload': { role: 'admin', scope: 'package:write', limited: 'no', team: 'package.edit' },
  'artifact.list': { role: 'admin', scope: 'package:write', limited: 'no' },
  'artifact.remove': { role: 'admin', scope: 'package:delete', limited: 'no', team: 'package.edit' },
  'package.list': { role: 'member', scope: 'package:read', limited: 'yes' },
  'package.abandon': { role: 'admin', scope: 'package:write', limited: 'no', team: 'package.edit' },
  'package.delete': { role: 'admin', scope: 'package:delete', limited: 'no' },
  'package.read': { role: 'member', scope: 'package:read', limited: 'yes' },
  'statistics.read': { role: 'member', scope: 'statistics:read', limited: 'yes' },
  'statistics.audiences': { role: 'admin', scope: 'statistics:read', limited: 'no' },
  'audit.read': { role: 'admin', scope: 'audit:read', limited: 'no' },
  'audit.read-instance': { role: 'operator', scope: null, limited: 'no' },
  'job.list': { role: 'admin', scope: 'source:read', limited: 'no' },
  'job.retry': { role: 'admin', scope: 'source:write', limited: 'no' },
} as const satisfies Record<string, Row>

/** An action that needs a right. */
export type Action = keyof typeof PERMISSIONS

/** All actions, for the generated test of actors against actions. */
export const ACTIONS = Object.keys(PERMISSIONS) as Action[]

const RANK: Readonly<Record<Role, number>> = { member: 1, admin: 2, owner: 3 }

type Caller = Pick<Ctx, 'actor' | 'db'>

/**
 * Lets the call go on or throws: `unauthenticated` for nobody; `foreign_organization` and `not_member` for somebody from elsewhere;
 * `scope_missing`; `forbidden` for a role that is too low or a token that may not do this at all. `organization` is null for what concerns the
 * whole instance. Roles are looked up at the moment of the call, so a lost membership counts at once.
 */
export async function authorize(caller: Caller, action: Action, organization: OrganizationId | null): Promise<void> {
  await authorizeAbout(caller, action, { organization, subject: null })
}

async function authorizeAbout(
  caller: Caller,
  action: Action,
  { organization, subject }: { organization: OrganizationId | null; subject: TeamSubject | 'any' | null },
): Promise<void> {
  const row: Row = PERMISSIONS[action]
  if (isAllowedAnyway(caller.actor, row)) {
    return
  }
  if (row.role === 'self') {
    throw new DomainError('user_required')
  }
  await requireRow(caller, action, { row, organization, subject })
}

/**
 * As `authorize` for what concerns one person: that person may do it, signed in or through a personal token, and an operator for them.
 * Throws `user_required` for a token that belongs to no person.
 */
export async function authorizeSelf(caller: Caller, action: Action, user: UserId): Promise<void> {
  const { actor } = caller
  const row: Row = PERMISSIONS[action]
  if (isAllowedAnyway(actor, row)) {
    return
  }
  const own = actor.kind === 'user' || actor.kind === 'token' ? actor.user : null
  if (own === null) {
    throw new DomainError('user_required')
  }
  if (actor.kind === 'token') {
    requireScope(actor, action, row)
  }
  if (own !== user) {
    throw new DomainError('forbidden', { action })
  }
}

/**
 * As `authorize` for what is about one package: a token limited to packages has the right of an unlimited one for those that its
 * patterns cover, and a member may have it by a team that has the package. With `name` null, for a call that has yet to learn the name, it is enough that there may be such a package.
 */
export async function authorizeForPackage(
  caller: Caller,
  action: Action,
  { organization, name }: { organization: OrganizationId; name: string | null },
): Promise<void> {
  const { actor, db } = caller
  const isCovered = actor.kind === 'token' && (name === null || coversPackage(actor.packages, name))
  await authorizeAbout({ db, actor: isCovered ? { ...actor, packages: null } : actor }, action, {
    organization,
    subject: name === null ? 'any' : { packages: [name], source: null },
  })
}

/**
 * As `authorize` for what is about one source with all of its packages (names in lower case): a member may have the right by teams that have
 * every one of them, or from whose right the source comes. A token for this source alone has the right of an unlimited one.
 */
export async function authorizeForSource(
  caller: Caller,
  action: Action,
  { organization, source, packages }: { organization: OrganizationId; source: SourceId; packages: readonly string[] },
): Promise<void> {
  const { actor, db } = caller
  const isOwn = actor.kind === 'token' && actor.source === source
  await authorizeAbout({ db, actor: isOwn ? withoutSource(actor) : actor }, action, {
    organization,
    subject: { packages, source },
  })
}

function withoutSource(actor: TokenActor): TokenActor {
  const { source, ...rest } = actor
  return source === undefined ? actor : rest
}

/** Throws `scope_exceeds_own` when a token would hand out more than it holds itself. Null scopes are everything. */
export function requireOwnScopes(actor: Actor, scopes: readonly Scope[] | null): void {
  if (actor.kind !== 'token' || actor.scopes === null) {
    return
  }
  const held = actor.scopes
  const exceeding = scopes === null ? 'everything' : scopes.find((scope) => !holdsScope(held, scope))
  if (exceeding !== undefined) {
    throw new DomainError('scope_exceeds_own', { scope: exceeding })
  }
}

function isAllowedAnyway(actor: Actor, row: Row): boolean {
  switch (actor.kind) {
    case 'system':
    case 'operator':
      return true
    case 'setup':
      if (row.role === 'setup') {
        return true
      }
      throw new DomainError('forbidden', { action: 'do this' })
    case 'anonymous':
      throw new DomainError('unauthenticated')
    case 'user':
      return actor.isOperator && row.role !== 'setup'
    case 'token':
      return false
  }
}

async function requireRow(
  caller: Caller,
  action: Action,
  { row, organization, subject }: { row: Row; organization: OrganizationId | null; subject: TeamSubject | 'any' | null },
): Promise<void> {
  const { actor } = caller
  if (row.role === 'operator' || row.role === 'setup' || (organization === null && row.role !== 'anybody')) {
    throw new DomainError('forbidden', { action })
  }
  const role = organization === null || row.role === 'anybody' ? null : await requireRole(caller, organization)
  if (actor.kind === 'token') {
    requireScope(actor, action, row)
  }
  const isTooLow = role !== null && RANK[role] < RANK[row.role as Role]
  if (isTooLow && !(await hasTeamRight(caller, { organization, permission: row.team, subject }))) {
    throw new DomainError('forbidden', { action })
  }
}

async function requireRole({ actor, db }: Caller, organization: OrganizationId): Promise<Role> {
  if (actor.kind === 'token' && actor.organization !== null) {
    if (actor.organization !== organization) {
      throw new DomainError('foreign_organization')
    }
    return 'owner'
  }
  const user = actor.kind === 'user' || actor.kind === 'token' ? actor.user : null
  const role = user === null ? null : await findRole(db, organization, user)
  if (role === null) {
    throw new DomainError('not_member')
  }
  return role
}

function requireScope(actor: TokenActor, action: Action, row: Row): void {
  if (row.scope === null) {
    throw new DomainError('forbidden', { action })
  }
  if (actor.scopes !== null && !holdsScope(actor.scopes, row.scope)) {
    throw new DomainError('scope_missing', { scope: row.scope })
  }
  if ((actor.packages !== null || actor.source !== undefined) && row.limited === 'no') {
    throw new DomainError('forbidden', { action })
  }
}
