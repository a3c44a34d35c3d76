import { parseDisplayName } from '../accounts/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { DomainEvent } from '../kernel/events.ts'
import { accessOf, type Scope } from '../kernel/scopes.ts'
import type { Instant, OrganizationId, SourceId, UserId } from '../kernel/values.ts'
import { parseAddresses } from './address-limits.ts'
import { parsePackageGlobs } from './package-globs.ts'
import { authorize, authorizeSelf, requireOwnScopes } from './permissions.ts'
import { hashTokenSecret, mintTokenSecret, tokenHint } from './token-secret.ts'
import { deleteEndedJobTokens, insertToken, isSourceOf, type Token } from './tokens.sql.ts'

/** What a token may do, and for how long. */
export interface TokenGrant {
  name: string
  /** Null means everything that its owner may do. */
  scopes: readonly Scope[] | null
  /** The words in which a dialect gave the scopes. */
  scopeLabels?: readonly string[] | null
  /** Package name patterns; null means every package. */
  packages: readonly string[] | null
  /** The only source of the organization whose packages it is for; left out or null: all. */
  source?: SourceId | null
  /** Addresses and networks from which it may be used; left out or null: all. */
  addresses?: readonly string[] | null
  /** A moment in the past makes a token that never works. */
  expiresAt: Instant | null
  /** The prefix of a dialect's tokens. */
  prefix?: string
}

/** An organization token to be issued. */
export interface CreateToken extends TokenGrant {
  organization: OrganizationId
}

/** A personal token to be issued. */
export interface CreatePersonalToken extends TokenGrant {
  user: UserId
}

/** A token with the only appearance of its secret. */
export interface IssuedToken {
  token: Token
  secret: string
}

/**
 * Issues an organization token. The secret appears in the result once and is stored only as a hash. A caller that itself uses a token can
 * grant at most the scopes of that token (PR-013). Throws `invalid_input` for a name, pattern or address, `scope_exceeds_own`.
 */
export async function createToken(ctx: Ctx, input: CreateToken): Promise<IssuedToken> {
  await authorize(ctx, 'token.create', input.organization)
  const { organization } = input
  return issue(ctx, input, {
    owner: { kind: 'organization', organization, user: null },
    toEvent: (token) => ({
      type: 'token.created',
      organization,
      token: token.id,
      name: token.name,
      access: accessOf(token.scopes),
    }),
  })
}

/** Issues a personal token, which acts wherever its user is a member, at most with that user's rights. Throws as `createToken`. */
export async function createPersonalToken(ctx: Ctx, input: CreatePersonalToken): Promise<IssuedToken> {
  await authorizeSelf(ctx, 'personal-token.create', input.user)
  const { user } = input
  return issue(ctx, input, {
    owner: { kind: 'personal', organization: null, user },
    toEvent: (token) => toPersonalEvent(token, user),
  })
}

function toPersonalEvent(token: Token, user: UserId): DomainEvent {
  const { id, name, scopes } = token
  return { type: 'personal-token.created', organization: null, user, token: id, name, access: accessOf(scopes) }
}

/** The token of a job of somebody, to be issued. */
export interface CreateJobToken {
  /** The person as whom the job acts. */
  user: UserId
  /** The source that the job is of. */
  source: SourceId
  name: string
  /** Whether the job may download archives, and publish. It may always read metadata as its person. */
  policies: readonly ('read' | 'publish')[]
  /** Milliseconds that the job may run, at most a day. */
  lifetime: number
}

const LONGEST_JOB = 24 * 60 * 60 * 1000

/**
 * Issues the token of a job: it acts as its person until the job ended, which is when it is revoked or after `lifetime`, and no surface takes
 * it but those that know jobs (contract gitlab.md §1.6). Throws `invalid_input` for a name or a lifetime.
 */
export async function createJobToken(ctx: Ctx, input: CreateJobToken): Promise<IssuedToken> {
  await authorize(ctx, 'job-token.create', null)
  const { user, source, name, policies, lifetime } = input
  if (!Number.isSafeInteger(lifetime) || lifetime < 1 || lifetime > LONGEST_JOB) {
    throw invalidInput('lifetime', 'give a time of at most a day')
  }
  const scopes: Scope[] = ['composer']
  if (policies.includes('read')) {
    scopes.push('package:read')
  }
  if (policies.includes('publish')) {
    scopes.push('package:write', 'package:delete')
  }
  const grant = { name, scopes, packages: null, source, expiresAt: ctx.now + lifetime, prefix: 'rptj_' }
  return issue(ctx, grant, {
    owner: { kind: 'job', organization: null, user },
    toEvent: (token) => toPersonalEvent(token, user),
  })
}

/** What a token hands on must be the organization's; of jobs that ended some time ago the tokens go away. */
async function prepareIssuing(tx: Tx, kind: Token['kind'], organization: OrganizationId | null, source: SourceId | null) {
  if (kind === 'job') {
    await deleteEndedJobTokens(tx.db, tx.now - LONGEST_JOB)
  } else if (source !== null && (organization === null || !(await isSourceOf(tx.db, organization, source)))) {
    throw new DomainError('source_not_found')
  }
}

async function issue(
  ctx: Ctx,
  grant: TokenGrant,
  { owner, toEvent }: { owner: Pick<Token, 'kind' | 'organization' | 'user'>; toEvent: (token: Token) => DomainEvent },
): Promise<IssuedToken> {
  requireOwnScopes(ctx.actor, grant.scopes)
  const name = parseDisplayName('name', grant.name)
  const packages = parsePackageGlobs(grant.packages)
  const addresses = parseAddresses(grant.addresses ?? null)
  const secret = mintTokenSecret(ctx.random, grant.prefix)
  const { actor } = ctx
  const source = grant.source ?? null
  return ctx.transaction(async (tx) => {
    await prepareIssuing(tx, owner.kind, owner.organization, source)
    const token = await insertToken(
      tx.db,
      {
        ...owner,
        uid: tx.newId(),
        name,
        hint: tokenHint(secret),
        scopes: grant.scopes === null ? null : [...new Set(grant.scopes)],
        scopeLabels: grant.scopeLabels === undefined || grant.scopeLabels === null ? null : [...grant.scopeLabels],
        packages,
        source,
        addresses,
        createdBy: actor.kind === 'user' || actor.kind === 'token' ? actor.user : null,
        expiresAt: grant.expiresAt,
        previousUntil: null,
        revokedAt: null,
        lastUsedAt: null,
        createdAt: tx.now,
      },
      hashTokenSecret(secret),
    )
    await tx.record(toEvent(token))
    return { token, secret }
  })
}
