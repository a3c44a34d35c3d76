/**
 * What clients of the realtime channels ask over HTTP: a grant for a channel (`POST /broadcasting/auth`), and, for our own pages, the key of the
 * application. Grants go to people alone: by the session of their browser, with the rules of the console for its cookie, or by a personal token.
 */
import { z } from 'zod'
import { authorize } from '../../core/access/index.ts'
import { requireSignedIn, selectSessions } from '../../core/accounts/index.ts'
import type { UserActor } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import type { Instant } from '../../core/kernel/values.ts'
import { findOrganizationByUid } from '../../core/organizations/index.ts'
import { readBody } from '../http/request-body.ts'
import type { Call, Route } from '../http/route.ts'
import { issueGrant, type ChannelGrant, type RealtimeKey } from './channel-grant.ts'
import { parseChannel } from './frames.ts'

const BODY_BYTES = 4096

/** What the routes are made of. `guard` lets the session of a cookie act, and refuses what does not come from a page of ours. */
export interface RealtimeParts {
  realtime: RealtimeKey
  guard: (routes: Route[]) => Route[]
}

/** The routes of the realtime channels; the connections themselves are no requests. */
export function realtimeRoutes({ realtime, guard }: RealtimeParts): Route[] {
  const grant: Route = {
    method: 'POST',
    path: '/broadcasting/auth',
    surface: 'realtime',
    clauses: ['PR-902'],
    limit: { rule: 'api' },
    handle: (call) => grantChannel(call, realtime),
  }
  const guarded = guard([
    grant,
    { ...grant, method: 'GET', path: '/app/api/realtime', handle: (call) => showKey(call, realtime) },
  ])
  const [bySession, ...others] = guarded
  if (bySession === undefined) {
    return others
  }
  const handle = (call: Call) => (call.request.headers.has('authorization') ? grant : bySession).handle(call)
  return [{ ...grant, handle }, ...others]
}

const Wanted = z.object({ socket_id: z.string().regex(/^\d{1,12}\.\d{1,12}$/), channel_name: z.string().max(200) })

async function grantChannel({ request, signal, ctx }: Call, realtime: RealtimeKey): Promise<Response> {
  const text = new TextDecoder().decode(await readBody(request, { limit: BODY_BYTES, signal }))
  const isJson = request.headers.get('content-type')?.startsWith('application/json') === true
  const wanted = Wanted.safeParse(isJson ? parseJson(text) : Object.fromEntries(new URLSearchParams(text)))
  if (!wanted.success) {
    return answer(422, { message: 'socket_id and channel_name are needed.' })
  }
  const { socket_id: socket, channel_name: channel } = wanted.data
  const grant = await findGrant(ctx, channel)
  if (grant === null) {
    return answer(403, { message: 'This action is unauthorized.' })
  }
  return answer(200, { auth: issueGrant(realtime, { socket, channel }, grant) })
}

/** Every refusal is the same, so that nobody learns which organizations there are. */
async function findGrant(ctx: Ctx, channel: string): Promise<ChannelGrant | null> {
  const uid = parseChannel(channel)
  const organization = uid === null ? null : await findOrganizationByUid(ctx.db, uid)
  const { actor } = ctx
  if (organization === null || (actor.kind !== 'user' && actor.kind !== 'token') || actor.user === null) {
    return null
  }
  try {
    await authorize(ctx, 'source.list', organization.id)
  } catch (error) {
    if (isDomainError(error)) {
      return null
    }
    throw error
  }
  const ends = actor.kind === 'token' ? actor.expiresAt : await findEndOfSession(ctx, actor)
  const until = Math.min(ends ?? Number.POSITIVE_INFINITY, ctx.now + LONGEST) as Instant
  return { user: actor.user, until, issuedAt: ctx.now }
}

async function findEndOfSession({ db }: Ctx, { user, session }: UserActor): Promise<Instant | null> {
  return (await selectSessions(db, user)).find(({ id }) => id === session)?.expiresAt ?? null
}

/** Connections are renewed at the latest after this time, in milliseconds. */
const LONGEST = 60 * 60 * 1000

function showKey({ ctx, baseUrl }: Call, { key }: RealtimeKey): Response {
  requireSignedIn(ctx)
  const { protocol, hostname, port, pathname } = new URL(baseUrl)
  const path = pathname.replace(/\/$/, '')
  const isSecure = protocol === 'https:'
  return answer(200, {
    key,
    host: hostname,
    port: Number(port || (isSecure ? 443 : 80)),
    secure: isSecure,
    path,
    authEndpoint: `${path}/broadcasting/auth`,
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function answer(status: number, body: unknown): Response {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Vary: 'Authorization, Cookie' }
  return new Response(JSON.stringify(body), { status, headers })
}
