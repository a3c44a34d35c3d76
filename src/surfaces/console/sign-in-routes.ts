import { z } from 'zod'
import {
  completeSignIn,
  confirmIdentity,
  requestPasskeySignIn,
  requestPasswordReset,
  requestStepPasskey,
  resetPassword,
  signIn,
  signInWithPasskey,
  signOut,
  toSite,
  type SecondFactor,
  type SignInOutcome,
} from '../../core/accounts/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { AssertionResponse } from './passkey-schemas.ts'
import { presentUser } from './present-user.ts'
import { readCookie, withCookie } from './session-cookie.ts'

const Credentials = z.strictObject({ email: z.string(), password: z.string() })
const Proof = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('totp'), code: z.string() }),
  z.strictObject({ kind: z.literal('recovery'), code: z.string() }),
  z.strictObject({ kind: z.literal('passkey'), state: z.string(), response: AssertionResponse }),
])
const PasskeyProof = z.strictObject({ state: z.string(), response: AssertionResponse })
const Empty = z.strictObject({})

/** Signing in and out, and choosing a password by a link. */
export function signInRoutes(): Route[] {
  return [
    consoleRoute('POST', '/app/api/sign-in', begin),
    consoleRoute('POST', '/app/api/sign-in/second-factor', proveSecondFactor),
    consoleRoute('POST', '/app/api/sign-in/second-factor/passkey-options', offerStepPasskey),
    consoleRoute('POST', '/app/api/sign-in/passkey-options', offerPasskey),
    consoleRoute('POST', '/app/api/sign-in/passkey', provePasskey),
    consoleRoute('POST', '/app/api/sign-out', leave),
    consoleRoute('POST', '/app/api/confirm', confirm),
    consoleRoute('POST', '/app/api/password/request-reset', requestReset),
    consoleRoute('POST', '/app/api/password/reset', reset),
  ]
}

async function begin(call: Call): Promise<Response> {
  const outcome = await signIn(call.ctx, await readJson(call, Credentials))
  return carryOn(call, json(presentOutcome(outcome)), outcome)
}

/** Gives the browser the cookie that carries a sign-in on: of the session, or of the step before it. */
export async function carryOn(call: Call, response: Response, outcome: SignInOutcome): Promise<Response> {
  return outcome.kind === 'session'
    ? enterWith(call, response, outcome.secret)
    : withCookie(response, call.baseUrl, { kind: 'step', secret: outcome.secret })
}

/** Gives the browser the cookie of a new session. The one that it had ends, and the step before the new one is forgotten. */
export async function enterWith(call: Call, response: Response, secret: string): Promise<Response> {
  if (call.actor.kind === 'user') {
    await signOut(call.ctx)
  }
  withCookie(response, call.baseUrl, { kind: 'step', secret: null })
  return withCookie(response, call.baseUrl, { kind: 'session', secret })
}

function presentOutcome(outcome: SignInOutcome) {
  if (outcome.kind === 'session') {
    return { state: 'signed-in', user: presentUser(outcome.user) }
  }
  return { state: 'second-factor', factors: outcome.factors, expiresAt: presentInstant(outcome.expiresAt) }
}

async function proveSecondFactor(call: Call): Promise<Response> {
  const body = await readJson(call, Proof)
  const proof: SecondFactor = body.kind === 'passkey' ? { ...body, site: toSite(call.baseUrl) } : body
  const { secret, user } = await completeSignIn(call.ctx, { step: readCookie(call, 'step'), proof })
  return enterWith(call, json({ state: 'signed-in', user: presentUser(user) }), secret)
}

async function offerStepPasskey(call: Call): Promise<Response> {
  await readJson(call, Empty)
  return json(await requestStepPasskey(call.ctx, { step: readCookie(call, 'step'), site: toSite(call.baseUrl) }))
}

async function offerPasskey(call: Call): Promise<Response> {
  await readJson(call, Empty)
  return json(await requestPasskeySignIn(call.ctx, toSite(call.baseUrl)))
}

async function provePasskey(call: Call): Promise<Response> {
  const body = await readJson(call, PasskeyProof)
  const { secret, user } = await signInWithPasskey(call.ctx, { ...body, site: toSite(call.baseUrl) })
  return enterWith(call, json({ state: 'signed-in', user: presentUser(user) }), secret)
}

async function leave(call: Call): Promise<Response> {
  await readJson(call, Empty)
  await signOut(call.ctx)
  return withCookie(done(), call.baseUrl, { kind: 'session', secret: null })
}

async function confirm(call: Call): Promise<Response> {
  const { password } = await readJson(call, z.strictObject({ password: z.string() }))
  await confirmIdentity(call.ctx, password)
  return done()
}

/** Accepted whatever the address is, so that nobody learns who has an account. */
async function requestReset(call: Call): Promise<Response> {
  await requestPasswordReset(call.ctx, await readJson(call, z.strictObject({ email: z.string() })))
  return json({ state: 'accepted' }, 202)
}

async function reset(call: Call): Promise<Response> {
  await resetPassword(call.ctx, await readJson(call, z.strictObject({ secret: z.string(), password: z.string() })))
  return done()
}
