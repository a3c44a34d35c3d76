import { z } from 'zod'
import {
  changePassword,
  confirmEmail,
  countRecoveryCodes,
  endOtherSessions,
  endOwnSession,
  getOwnUser,
  listOwnPasskeys,
  listFactors,
  listOwnSessions,
  registerAuthenticatorApp,
  registerPasskey,
  removeAuthenticatorApp,
  removePasskey,
  renameOwnUser,
  renewRecoveryCodes,
  requestAuthenticatorApp,
  requestEmailChange,
  requestEmailVerification,
  requestPasskey,
  toSite,
  type OwnSession,
} from '../../core/accounts/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { RegistrationResponse } from './passkey-schemas.ts'
import { presentUser } from './present-user.ts'

const Empty = z.strictObject({})

/** The account of the person who is signed in: sessions, password, address, second factors. */
export function accountRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/me', showMe),
    consoleRoute('PATCH', '/app/api/me', rename),
    consoleRoute('GET', '/app/api/sessions', listSessions),
    consoleRoute('POST', '/app/api/sessions/end-others', endOthers),
    consoleRoute('DELETE', '/app/api/sessions/:uid', endSession),
    consoleRoute('POST', '/app/api/password', setPassword),
    consoleRoute('POST', '/app/api/email', setEmail),
    consoleRoute('POST', '/app/api/email/verification', verifyEmail),
    consoleRoute('POST', '/app/api/email/confirm', acceptEmail),
    consoleRoute('GET', '/app/api/second-factors', showFactors),
    consoleRoute('POST', '/app/api/second-factors/totp-options', offerTotp),
    consoleRoute('POST', '/app/api/second-factors/totp', addTotp),
    consoleRoute('DELETE', '/app/api/second-factors/totp', dropTotp),
    consoleRoute('POST', '/app/api/second-factors/passkey-options', offerPasskey),
    consoleRoute('POST', '/app/api/second-factors/passkeys', addPasskey),
    consoleRoute('DELETE', '/app/api/second-factors/passkeys/:uid', dropPasskey),
    consoleRoute('POST', '/app/api/second-factors/recovery-codes', renewCodes),
  ]
}

async function showMe({ ctx }: Call): Promise<Response> {
  const user = await getOwnUser(ctx)
  return json({ user: presentUser(user), factors: await listFactors(ctx.db, user.id) })
}

async function rename(call: Call): Promise<Response> {
  await renameOwnUser(call.ctx, await readJson(call, z.strictObject({ name: z.string() })))
  return showMe(call)
}

async function listSessions({ ctx }: Call): Promise<Response> {
  return json({ sessions: (await listOwnSessions(ctx)).map(presentSession) })
}

function presentSession(session: OwnSession) {
  return {
    id: session.uid,
    isCurrent: session.isCurrent,
    agent: session.agent,
    address: session.address,
    createdAt: presentInstant(session.createdAt),
    seenAt: presentInstant(session.seenAt),
    expiresAt: presentInstant(session.expiresAt),
  }
}

async function endOthers(call: Call): Promise<Response> {
  await readJson(call, Empty)
  return json({ ended: await endOtherSessions(call.ctx) })
}

async function endSession({ ctx, params }: Call): Promise<Response> {
  await endOwnSession(ctx, params['uid'] ?? '')
  return done()
}

async function setPassword(call: Call): Promise<Response> {
  await changePassword(call.ctx, await readJson(call, z.strictObject({ current: z.string(), password: z.string() })))
  return done()
}

async function setEmail(call: Call): Promise<Response> {
  await requestEmailChange(call.ctx, await readJson(call, z.strictObject({ email: z.string() })))
  return json({ state: 'accepted' }, 202)
}

async function verifyEmail(call: Call): Promise<Response> {
  await readJson(call, Empty)
  await requestEmailVerification(call.ctx)
  return json({ state: 'accepted' }, 202)
}

async function acceptEmail(call: Call): Promise<Response> {
  const { secret } = await readJson(call, z.strictObject({ secret: z.string() }))
  await confirmEmail(call.ctx, secret)
  return done()
}

async function showFactors({ ctx }: Call): Promise<Response> {
  const user = await getOwnUser(ctx)
  const passkeys = await listOwnPasskeys(ctx)
  return json({
    totp: (await listFactors(ctx.db, user.id)).includes('totp'),
    passkeys: passkeys.map((passkey) => ({
      id: passkey.uid,
      name: passkey.name,
      createdAt: presentInstant(passkey.createdAt),
      lastUsedAt: presentInstant(passkey.lastUsedAt),
    })),
    recoveryCodes: await countRecoveryCodes(ctx.db, user.id),
  })
}

async function offerTotp(call: Call): Promise<Response> {
  await readJson(call, Empty)
  const { secret, uri, state, expiresAt } = await requestAuthenticatorApp(call.ctx, new URL(call.baseUrl).host)
  return json({ secret, uri, state, expiresAt: presentInstant(expiresAt) })
}

async function addTotp(call: Call): Promise<Response> {
  return json(
    await registerAuthenticatorApp(call.ctx, await readJson(call, z.strictObject({ state: z.string(), code: z.string() }))),
    201,
  )
}

async function dropTotp({ ctx }: Call): Promise<Response> {
  await removeAuthenticatorApp(ctx)
  return done()
}

async function offerPasskey(call: Call): Promise<Response> {
  await readJson(call, Empty)
  return json(await requestPasskey(call.ctx, toSite(call.baseUrl)))
}

async function addPasskey(call: Call): Promise<Response> {
  const schema = z.strictObject({ name: z.string(), state: z.string(), response: RegistrationResponse })
  const body = await readJson(call, schema)
  return json(await registerPasskey(call.ctx, { ...body, site: toSite(call.baseUrl) }), 201)
}

async function dropPasskey({ ctx, params }: Call): Promise<Response> {
  await removePasskey(ctx, params['uid'] ?? '')
  return done()
}

async function renewCodes(call: Call): Promise<Response> {
  await readJson(call, Empty)
  return json({ recoveryCodes: await renewRecoveryCodes(call.ctx) }, 201)
}
