import { z } from 'zod'
import { createToken, listCurrentTokens, revokeToken, type Token } from '../../../core/access/index.ts'
import { findNamesByUid } from '../../../core/catalog/index.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import { getOrganizationByPath, type Organization } from '../../../core/organizations/index.ts'
import { readBody } from '../../http/request-body.ts'
import type { Call } from '../../http/route.ts'
import { enter, requireToken } from './entering.ts'
import { answer } from './errors.ts'
import { DEFAULT_WORDS, isScopeWord, presentScopes, toScopes } from './scopes.ts'
import { parseTime, presentMaybeTime, presentTime, Time } from './times.ts'
import { inField, InvalidBody, list, parseBody, requiredText, TEXTS, validate } from './validation.ts'

const BODY_BYTES = 1024 * 1024
const MAX_ITEMS = 500
const PREFIX = 'pri_'
const NEVER = 'never'

/** What a token is to be. */
export const TokenBody = z.object({
  name: requiredText(255),
  scopes: list(z.string(TEXTS.selected).refine(isScopeWord, TEXTS.selected), MAX_ITEMS).optional(),
  expires_at: z.string(TEXTS.string).refine(isExpiry, TEXTS.date).optional(),
  packages: list(z.uuid(TEXTS.uuid), MAX_ITEMS).optional(),
})

function isExpiry(text: string): boolean {
  return text === NEVER || parseTime(text) !== null
}

/** A token in a list; its secret is nowhere. */
export const TokenItem = z.object({
  id: z.uuid(),
  name: z.string(),
  scopes: z.array(z.string()),
  last_used_at: Time.nullable(),
  expires_at: Time.nullable(),
  created_at: Time,
})

/** A token with the only appearance of its secret. */
export const TokenCreated = TokenItem.extend({ token: z.string(), packages: z.array(z.uuid()) })

/** 6.7: the organization's tokens that were not revoked, newest first. */
export async function index(call: Call): Promise<Response> {
  const organization = await enter(call, 'token.list')
  const tokens = await listCurrentTokens(call.ctx, organization.id)
  return answer(200, { data: tokens.map(presentToken) })
}

function presentToken(token: Token): z.output<typeof TokenItem> {
  return {
    id: token.uid,
    name: token.name,
    scopes: presentScopes(token),
    last_used_at: presentMaybeTime(token.lastUsedAt),
    expires_at: presentMaybeTime(token.expiresAt),
    created_at: presentTime(token.createdAt),
  }
}

/** 6.8: issues an organization token. */
export async function create(call: Call): Promise<Response> {
  const organization = await enter(call, 'token.create')
  const bytes = await readBody(call.request, { limit: BODY_BYTES, signal: call.signal })
  const { name, scopes = DEFAULT_WORDS, expires_at = NEVER, packages = [] } = validate(TokenBody, parseBody(bytes))
  const names = packages.length === 0 ? [] : await getPackageNames(call.ctx, organization, packages)
  const { token, secret } = await createToken(call.ctx, {
    organization: organization.id,
    name,
    scopes: toScopes(scopes),
    scopeLabels: [...new Set(scopes)],
    packages: names.length === 0 ? null : names,
    expiresAt: expires_at === NEVER ? null : parseTime(expires_at),
    prefix: PREFIX,
  })
  return answer(201, { data: { ...presentToken(token), token: secret, packages } satisfies z.output<typeof TokenCreated> })
}

/** The names of the packages with these ids. Throws `InvalidBody` for each that the organization does not have (PR-308). */
async function getPackageNames(ctx: Ctx, organization: Organization, uids: readonly string[]): Promise<string[]> {
  const names = await findNamesByUid(ctx, organization, uids)
  const unknown = [...uids.keys()].filter((position) => !names.has(uids[position] ?? ''))
  if (unknown.length > 0) {
    const fields = unknown.map((position) => `packages.${position}`)
    throw new InvalidBody(Object.fromEntries(fields.map((field) => [field, [inField(TEXTS.selected, field)]])))
  }
  return [...names.values()]
}

/** 6.9: revokes a token; one may revoke itself. */
export async function revoke(call: Call): Promise<Response> {
  const ctx = requireToken(call)
  const organization = await getOrganizationByPath(ctx, call.params['organization'] ?? '')
  await revokeToken(ctx, { owner: { organization: organization.id }, uid: call.params['token'] ?? '' })
  return answer(200, { message: 'Token revoked successfully' })
}
