/**
 * Drives commands and queries of the core with every kind of actor and every scope, and compares who is let through with the permission table.
 * What a command would change is not changed: it counts as let through when it opens its transaction.
 */
import { authorize, authorizeForPackage, authorizeSelf, type Action } from '../../../src/core/access/index.ts'
import { requireSignedIn } from '../../../src/core/accounts/index.ts'
import type { Actor, TokenActor } from '../../../src/core/kernel/actor.ts'
import type { Ctx } from '../../../src/core/kernel/ctx.ts'
import { isDomainError } from '../../../src/core/kernel/errors.ts'
import { SCOPES } from '../../../src/core/kernel/scopes.ts'
import type { SessionId, TokenId, UserId } from '../../../src/core/kernel/values.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import { findSource, type Source } from '../../../src/core/sources/index.ts'
import { createTestApp, type TestApp } from '../../kit/app.ts'
import { buildPackage, buildSource } from '../../kit/build.ts'
import { buildMember, buildPerson } from '../../kit/members.ts'

export interface MatrixWorld {
  app: TestApp
  own: Organization
  other: Organization
  source: Source
  people: Readonly<Record<'owner' | 'admin' | 'member' | 'stranger', UserId>>
}

/** How a command is called, and what it needs: the arguments after `ctx`. */
export type CommandRow =
  | { kind: 'action'; action: Action; args: (world: MatrixWorld) => unknown[] }
  | { kind: 'self'; action: Action; args: (world: MatrixWorld) => unknown[] }
  | { kind: 'package'; action: Action; name: string; args: (world: MatrixWorld) => unknown[] }
  /** It is for people who signed in, about themselves. */
  | { kind: 'signed-in'; args: (world: MatrixWorld) => unknown[] }
  /** It authorizes nothing itself; `why` says who does. */
  | { kind: 'open'; why: string }

/** A command that authorizes an action in the organization `own`. */
export function on(action: Action, args: (world: MatrixWorld) => unknown[]): CommandRow {
  return { kind: 'action', action, args }
}

/** A command that authorizes what concerns the person `member`. */
export function self(action: Action, args: (world: MatrixWorld) => unknown[]): CommandRow {
  return { kind: 'self', action, args }
}

/** A command that authorizes an action for one package of `own`. */
export function onPackage(action: Action, name: string, args: (world: MatrixWorld) => unknown[]): CommandRow {
  return { kind: 'package', action, name, args }
}

/** A command that concerns nobody but the person who signed in and calls it. */
export function signedInAs(args: (world: MatrixWorld) => unknown[]): CommandRow {
  return { kind: 'signed-in', args }
}

/** A command that authorizes nothing itself; `why` says who does, or why nobody has to. */
export function open(why: string): CommandRow {
  return { kind: 'open', why }
}

const REFUSALS: ReadonlySet<string> = new Set([
  'unauthenticated',
  'forbidden',
  'scope_missing',
  'foreign_organization',
  'not_member',
  'user_required',
  'sign_in_required',
])

/** The names of what a module exports that takes a context first: its commands and queries. */
export function commandNames(module: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(module)
    .filter(
      ([, value]) => typeof value === 'function' && /^(?:async )?function\*? *\w*\(\s*(?:ctx|\{ ?actor)\b/.test(String(value)),
    )
    .map(([name]) => name)
    .toSorted()
}

export async function createMatrixWorld(): Promise<MatrixWorld> {
  const app = await createTestApp()
  app.leaveJobs()
  const own = await app.organization('acme')
  const other = await app.organization('other')
  await buildPackage(app, { organization: own.id })
  const source = await findSource(app.ports.database.read, await buildSource(app, own.id, 'acme/http'))
  if (source === null) {
    throw new Error('There is no source.')
  }
  const people = {
    owner: (await buildMember(app, own, 'owner', 'owner')).id,
    admin: (await buildMember(app, own, 'admin', 'admin')).id,
    member: (await buildMember(app, own, 'member', 'member')).id,
    stranger: (await buildPerson(app, 'stranger')).id,
  }
  await addSession(app, people.stranger)
  return { app, own, other, source, people }
}

/** The session in which everybody who signed in acts. */
async function addSession(app: TestApp, user: UserId): Promise<void> {
  const now = app.clock.now()
  await app.ports.database.write
    .insertInto('sessions')
    .values({
      uid: 'session',
      user_id: user,
      secret_hash: 'x',
      agent: null,
      address: null,
      created_at: now,
      seen_at: now,
      confirmed_at: now,
      expires_at: now + 60_000,
    })
    .execute()
  app.ports.database.touched()
}

/** Every kind of actor by a name that says what it is. */
export function matrixActors({ own, other, people }: MatrixWorld): Map<string, Actor> {
  const actors = new Map<string, Actor>([
    ['nobody', { kind: 'anonymous' }],
    ['the holder of the set-up secret', { kind: 'setup' }],
    ['an operator', { kind: 'operator' }],
    ['the registry', { kind: 'system' }],
    ['an operator who signed in', signedIn(people.stranger, true)],
  ])
  for (const [role, user] of Object.entries(people)) {
    actors.set(`a signed-in ${role}`, signedIn(user, false))
    actors.set(`a personal token of the ${role}`, toToken({ user }))
    actors.set(`a personal token of the ${role} without scopes`, toToken({ user, scopes: [] }))
  }
  actors.set('an organization token', toToken({ organization: own.id }))
  actors.set('an organization token for other packages', toToken({ organization: own.id, packages: ['other/*'] }))
  actors.set('a token of another organization', toToken({ organization: other.id }))
  for (const scope of SCOPES) {
    actors.set(`an organization token with ${scope}`, toToken({ organization: own.id, scopes: [scope] }))
    actors.set(`a personal token of the admin with ${scope}`, toToken({ user: people.admin, scopes: [scope] }))
    actors.set(`a personal token of the member with ${scope}`, toToken({ user: people.member, scopes: [scope] }))
  }
  return actors
}

function signedIn(user: UserId, isOperator: boolean): Actor {
  return { kind: 'user', user, session: 1 as SessionId, isOperator }
}

function toToken(rest: Partial<TokenActor>): TokenActor {
  const nothing = { organization: null, user: null, scopes: null, packages: null, addresses: null, expiresAt: null }
  return { kind: 'token', token: 1 as TokenId, ...nothing, ...rest }
}

class LetThrough extends Error {}

/** Where the actor is let through although the table refuses, or the other way round; one line each. */
export async function findDisagreements(
  world: MatrixWorld,
  name: string,
  { command, row }: { command: (ctx: Ctx, ...rest: unknown[]) => unknown; row: CommandRow },
): Promise<string[]> {
  if (row.kind === 'open') {
    return []
  }
  const problems: string[] = []
  const args = row.args(world)
  for (const [who, actor] of matrixActors(world)) {
    const ctx: Ctx = {
      ...world.app.ctx(actor),
      transaction() {
        throw new LetThrough()
      },
    }
    const wanted = await refusalOf(() => decide(ctx, world, row))
    const actual = await refusalOf(() => command(ctx, ...args))
    if (wanted !== actual) {
      problems.push(`${name} by ${who}: ${actual ?? 'let through'}, the table says ${wanted ?? 'let through'}`)
    }
  }
  return problems
}

async function decide(ctx: Ctx, { own, people }: MatrixWorld, row: Exclude<CommandRow, { kind: 'open' }>): Promise<void> {
  switch (row.kind) {
    case 'action':
      return authorize(ctx, row.action, own.id)
    case 'self':
      return authorizeSelf(ctx, row.action, people.member)
    case 'package':
      return authorizeForPackage(ctx, row.action, { organization: own.id, name: row.name })
    case 'signed-in':
      requireSignedIn(ctx)
  }
}

/** The code of the refusal, or null when it went on: to its end, to its transaction, or to any other failure. */
async function refusalOf(work: () => unknown): Promise<string | null> {
  try {
    const result = await work()
    if (isGenerator(result)) {
      await result.next()
    }
    return null
  } catch (error) {
    return isDomainError(error) && REFUSALS.has(error.code) ? error.code : null
  }
}

function isGenerator(value: unknown): value is AsyncGenerator {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
