import type { PublicKeyCredentialCreationOptionsJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { queueMail } from '../mail/index.ts'
import { composeNotice } from './account-mails.ts'
import { admitAttempt, recordFailedSignIn } from './admit-attempt.ts'
import { parseDisplayName } from './create-user.ts'
import {
  countRecoveryCodes,
  deletePasskey,
  insertPasskey,
  replaceRecoveryCodes,
  selectPasskeys,
  type Passkey,
} from './factors.sql.ts'
import { listFactors } from './list-factors.ts'
import { getConfirmedUser, getOwnUser } from './own-account.ts'
import {
  consumeChallenge,
  issueChallenge,
  loadWebAuthn,
  readChallenge,
  recordPasskeyUse,
  requestAssertion,
  verifyAssertion,
  type AssertionProof,
  type AssertionRequest,
  type Site,
} from './passkey-assertion.ts'
import { mintRecoveryCodes, storeRecoveryCodes } from './recovery-codes.ts'
import { prepareSession, startSession } from './start-session.ts'
import { findUser, lockEnabledUser, type User } from './users.sql.ts'

const MAX_PASSKEYS = 20
const PURPOSE = 'passkey-registration'

/** The passkeys of the person who acts. */
export async function listOwnPasskeys(ctx: Ctx): Promise<Passkey[]> {
  return selectPasskeys(ctx.db, (await getOwnUser(ctx)).id)
}

/** What a browser needs to make a passkey for the person who acts. Throws `confirmation_required`, `invalid_input` beyond 20 passkeys. */
export async function requestPasskey(
  ctx: Ctx,
  site: Site,
): Promise<{ options: PublicKeyCredentialCreationOptionsJSON; state: string }> {
  const user = await getConfirmedUser(ctx)
  const passkeys = await selectPasskeys(ctx.db, user.id)
  if (passkeys.length >= MAX_PASSKEYS) {
    throw invalidInput('passkeys', `remove one first; nobody has more than ${MAX_PASSKEYS}`)
  }
  const { challenge, state } = issueChallenge(ctx, { purpose: PURPOSE, user })
  const { generateRegistrationOptions } = await loadWebAuthn()
  const options = await generateRegistrationOptions({
    rpName: 'Repertoire',
    rpID: site.id,
    userName: user.email,
    userDisplayName: user.name,
    userID: new Uint8Array(Buffer.from(user.uid)),
    challenge,
    attestationType: 'none',
    excludeCredentials: passkeys.map(({ credentialId: id, transports }) => ({ id, transports })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'preferred' },
  })
  return { options, state }
}

/** The answer of a browser that made a passkey. */
export interface RegisterPasskey {
  site: Site
  name: string
  state: string
  response: RegistrationResponseJSON
}

/**
 * Registers a passkey of the person who acts. With the first second factor come recovery codes, shown once; null later. Throws
 * `passkey_refused`, `factor_exists` for one that is registered, `confirmation_required`.
 */
export async function registerPasskey(ctx: Ctx, input: RegisterPasskey): Promise<{ recoveryCodes: string[] | null }> {
  const user = await getConfirmedUser(ctx)
  const name = parseDisplayName('name', input.name)
  const challenge = readChallenge(ctx, input.state, { purpose: PURPOSE, user })
  const { credential } = await verifyRegistration(input, challenge.value)
  const codes = (await countRecoveryCodes(ctx.db, user.id)) === 0 ? mintRecoveryCodes(ctx.random) : null
  const notice = composeNotice(ctx, user, {
    subject: 'A passkey was added',
    text: `The passkey "${name}" was added to your account.`,
  })
  await ctx.transaction(async (tx) => {
    await lockEnabledUser(tx.db, user.id)
    await consumeChallenge(tx, challenge)
    const isNew = await insertPasskey(tx.db, {
      uid: tx.newId(),
      user: user.id,
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      transports: credential.transports ?? [],
      name,
      createdAt: tx.now,
      lastUsedAt: null,
    })
    if (!isNew) {
      throw new DomainError('factor_exists')
    }
    if (codes !== null) {
      await storeRecoveryCodes(tx, user, codes)
    }
    await tx.record({ type: 'second-factor.added', organization: null, user: user.id, factor: 'passkey', name })
    await queueMail(tx, notice)
  })
  return { recoveryCodes: codes }
}

async function verifyRegistration({ site, response }: RegisterPasskey, expectedChallenge: string) {
  const { verifyRegistrationResponse } = await loadWebAuthn()
  const verification = await verifyRegistrationResponse({
    response,
    expectedChallenge,
    expectedOrigin: site.origin,
    expectedRPID: site.id,
    requireUserVerification: false,
  }).catch((error: unknown) => {
    throw new DomainError('passkey_refused', {}, error)
  })
  if (!verification.verified) {
    throw new DomainError('passkey_refused')
  }
  return verification.registrationInfo
}

/** Removes a passkey of the person who acts; with the last second factor go the recovery codes. Throws `factor_not_found`, `confirmation_required`. */
export async function removePasskey(ctx: Ctx, uid: string): Promise<void> {
  const user = await getConfirmedUser(ctx)
  const notice = composeNotice(ctx, user, { subject: 'A passkey was removed', text: 'A passkey was removed from your account.' })
  await ctx.transaction(async (tx) => {
    await lockEnabledUser(tx.db, user.id)
    const name = await deletePasskey(tx.db, user.id, uid)
    if (name === null) {
      throw new DomainError('factor_not_found')
    }
    if ((await listFactors(tx.db, user.id)).length === 0) {
      await replaceRecoveryCodes(tx.db, user.id, [])
    }
    await tx.record({ type: 'second-factor.removed', organization: null, user: user.id, factor: 'passkey', name })
    await queueMail(tx, notice)
  })
}

/** What a browser needs to sign in with any passkey that it knows. */
export async function requestPasskeySignIn(ctx: Ctx, site: Site): Promise<AssertionRequest> {
  return requestAssertion(ctx, { site, user: null, passkeys: [] })
}

/**
 * Signs in with a passkey alone: it is something that the person has, and its holder was verified by PIN or biometry. Returns the secret of the
 * session's cookie. Throws `passkey_refused` whatever is wrong, and `request_limited`.
 */
export async function signInWithPasskey(
  ctx: Ctx,
  { site, state, response }: { site: Site } & AssertionProof,
): Promise<{ secret: string; user: User }> {
  const attempt = await admitAttempt(ctx, 'login', `passkey:${response.id}`)
  try {
    const assertion = await verifyAssertion(ctx, { site, state, response, user: null, needsVerification: 'yes' })
    const user = await findUser(ctx.db, assertion.passkey.user)
    if (user === null || !isHandleOf(user, response.response.userHandle)) {
      throw new DomainError('passkey_refused')
    }
    const session = prepareSession(ctx)
    await ctx.transaction(async (tx) => {
      if (!(await lockEnabledUser(tx.db, user.id))) {
        throw new DomainError('passkey_refused')
      }
      await recordPasskeyUse(tx, assertion)
      await startSession(tx, user.id, session)
      await tx.record({ type: 'user.signed-in', organization: null, user: user.id, method: 'passkey' })
    })
    await ctx.attempts.succeed(attempt)
    return { secret: session.secret, user }
  } catch (error) {
    if (error instanceof DomainError && error.code === 'passkey_refused') {
      await recordFailedSignIn(ctx, { account: attempt.account, user: null, step: 'passkey', notice: null })
    }
    throw error
  }
}

/** The user that the authenticator names must be the one to whom the key belongs (WebAuthn §7.2, step 6). */
function isHandleOf(user: User, handle: string | undefined): boolean {
  return handle !== undefined && Buffer.from(handle, 'base64url').toString('utf8') === user.uid
}
