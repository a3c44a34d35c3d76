/**
 * What holds for every route of the console: who acts is the session of the cookie and never a token; what changes something comes from an own
 * page; answers are never stored, framed or guessed at; refusals are JSON of the console's own form.
 */
import type { z } from 'zod'
import { findSession, toUserActor, touchSession } from '../../core/accounts/index.ts'
import type { Actor } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { type DomainError, invalidInput, isDomainError } from '../../core/kernel/errors.ts'
import type { Db } from '../../core/kernel/schema.ts'
import { STATUS } from '../http/errors.ts'
import { readBody } from '../http/request-body.ts'
import type { Call, Route } from '../http/route.ts'
import { requireOwnPage } from './own-page.ts'
import { readCookie } from './session-cookie.ts'

const BODY_BYTES = 256 * 1024

/** What the console needs of the composition root. */
export interface ConsoleSetUp {
  ctxFor: (actor: Actor, call: Call) => Ctx
  /** For the time at which sessions were used last. */
  write: Db
}

/** A route of the console's API, before it is guarded. */
export function consoleRoute(method: Route['method'], path: string, handle: Route['handle']): Route {
  return { method, path, surface: 'console', clauses: [], limit: { rule: 'api' }, handle }
}

/** Routes as they are mounted: the handlers see the actor of the session, or nobody. */
export function guardRoutes(routes: readonly Route[], setUp: ConsoleSetUp): Route[] {
  return routes.map((route) => ({ ...route, handle: (call) => answer(route, call, setUp) }))
}

async function answer(route: Route, call: Call, setUp: ConsoleSetUp): Promise<Response> {
  try {
    if (route.method !== 'GET') {
      requireOwnPage(call, route.path)
    }
    const actor = await findActor(call, setUp)
    const own: Call = { ...call, actor, origin: { ...call.origin, surface: 'console' } }
    return withConsoleHeaders(await route.handle({ ...own, ctx: setUp.ctxFor(actor, own) }))
  } catch (error) {
    if (isDomainError(error)) {
      return withConsoleHeaders(errorAnswer(error))
    }
    throw error
  }
}

async function findActor(call: Call, { write }: ConsoleSetUp): Promise<Actor> {
  const { ctx, origin } = call
  const session = await findSession(ctx.db, readCookie(call, 'session'), ctx.now)
  if (session === null) {
    return { kind: 'anonymous' }
  }
  try {
    await touchSession(write, session, { at: ctx.now, address: origin.address })
  } catch (error) {
    // A full disk must not keep anybody from looking.
    ctx.log.warn('The last use of a session could not be noted.', { error })
  }
  return toUserActor(session)
}

function withConsoleHeaders(response: Response): Response {
  const { headers } = response
  headers.set('Cache-Control', 'no-store')
  headers.set('X-Frame-Options', 'DENY')
  headers.set('X-Content-Type-Options', 'nosniff')
  headers.set('Referrer-Policy', 'same-origin')
  headers.set('Vary', 'Cookie')
  if (!headers.has('Content-Security-Policy')) {
    headers.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
  }
  return response
}

/** The refusal of the console's API. */
function errorAnswer(error: DomainError): Response {
  const { seconds } = error.details
  const retry: Record<string, string> = seconds === undefined ? {} : { 'Retry-After': String(seconds) }
  const body = { error: { code: error.code, message: error.message } }
  return new Response(JSON.stringify(body), {
    status: STATUS[error.kind],
    headers: { 'Content-Type': 'application/json', ...retry },
  })
}

/** A JSON answer of the console. */
export function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json' } })
}

/** Done, with nothing to say. */
export function done(): Response {
  return new Response(null, { status: 204 })
}

/** The JSON body of a call. Throws `invalid_input` that names the first field that is wrong, `body_too_large`. */
export async function readJson<Schema extends z.ZodType>(call: Call, schema: Schema): Promise<z.output<Schema>> {
  const text = new TextDecoder().decode(await readBody(call.request, { limit: BODY_BYTES, signal: call.signal }))
  const parsed = schema.safeParse(parseJson(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalidInput(issue?.path.join('.') || 'body', issue?.message ?? 'not valid')
  }
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidInput('body', 'this is not JSON')
  }
}

/** The fields of a form. Of repeated fields the last counts. */
export async function readForm(call: Call): Promise<Record<string, string>> {
  const bytes = await readBody(call.request, { limit: BODY_BYTES, signal: call.signal })
  return Object.fromEntries(new URLSearchParams(new TextDecoder().decode(bytes)))
}

/** A moment on the console's wire: RFC 3339 in UTC, or null. */
export function presentInstant(instant: number | null): string | null {
  return instant === null ? null : new Date(instant).toISOString()
}
