import { z } from 'zod'
import {
  changeToken,
  createPersonalToken,
  listPersonalTokens,
  revokeToken,
  rotateToken,
  type IssuedToken,
  type Token,
} from '../../core/access/index.ts'
import { requireSignedIn } from '../../core/accounts/index.ts'
import { isScope, type Scope } from '../../core/kernel/scopes.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'

const Scopes = z.array(z.string().refine((text): text is Scope => isScope(text), 'is not a scope')).nullable()
const Grant = z.strictObject({
  name: z.string(),
  /** Null means everything that the person may do. */
  scopes: Scopes,
  packages: z.array(z.string()).nullable().default(null),
  addresses: z.array(z.string()).nullable().default(null),
  expiresAt: z.iso.datetime({ offset: true }).nullable().default(null),
})
const Change = z.strictObject({ name: z.string(), scopes: Scopes.optional() })
const Rotation = z.strictObject({ overlapSeconds: z.number().int().min(0).default(0) })

/** The personal tokens of the person who is signed in. */
export function tokenRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/tokens', list),
    consoleRoute('POST', '/app/api/tokens', create),
    consoleRoute('PATCH', '/app/api/tokens/:uid', change),
    consoleRoute('POST', '/app/api/tokens/:uid/rotate', rotate),
    consoleRoute('DELETE', '/app/api/tokens/:uid', revoke),
  ]
}

function ownerOf({ ctx }: Call) {
  return { user: requireSignedIn(ctx).user }
}

async function list(call: Call): Promise<Response> {
  const tokens = await listPersonalTokens(call.ctx, ownerOf(call).user)
  return json({ tokens: tokens.map(presentToken) })
}

async function create(call: Call): Promise<Response> {
  const owner = ownerOf(call)
  const { expiresAt, ...grant } = await readJson(call, Grant)
  const expiry = expiresAt === null ? null : Date.parse(expiresAt)
  return json(presentIssued(await createPersonalToken(call.ctx, { ...grant, ...owner, expiresAt: expiry })), 201)
}

async function change(call: Call): Promise<Response> {
  const owner = ownerOf(call)
  const { name, scopes } = await readJson(call, Change)
  const token = await changeToken(call.ctx, {
    owner,
    uid: call.params['uid'] ?? '',
    name,
    ...(scopes === undefined ? {} : { scopes: { scopes, labels: null } }),
  })
  return json({ token: presentToken(token) })
}

async function rotate(call: Call): Promise<Response> {
  const owner = ownerOf(call)
  const { overlapSeconds } = await readJson(call, Rotation)
  const overlap = overlapSeconds * 1000
  return json(presentIssued(await rotateToken(call.ctx, { owner, uid: call.params['uid'] ?? '', overlap })))
}

async function revoke(call: Call): Promise<Response> {
  await revokeToken(call.ctx, { owner: ownerOf(call), uid: call.params['uid'] ?? '' })
  return done()
}

function presentIssued({ token, secret }: IssuedToken) {
  return { token: presentToken(token), secret }
}

function presentToken(token: Token) {
  return {
    id: token.uid,
    name: token.name,
    hint: token.hint,
    scopes: token.scopes,
    packages: token.packages,
    addresses: token.addresses,
    expiresAt: presentInstant(token.expiresAt),
    lastUsedAt: presentInstant(token.lastUsedAt),
    createdAt: presentInstant(token.createdAt),
  }
}
