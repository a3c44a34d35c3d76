/**
 * The second factor of a sign-in (abuse 42). The password was right; the browser holds the secret of this step, which works once and for ten
 * minutes. Codes are used up in the transaction that starts the session, each by a compare-and-set, so that of two requests with one code one
 * wins. Wrong codes are throttled by account over all steps: a new step does not buy new tries.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { UserId } from '../kernel/values.ts'
import { findLink, useLink } from './account-links.sql.ts'
import { composeNotice } from './account-mails.ts'
import { hashSecret } from './account-secret.ts'
import { admitAttempt, recordFailedSignIn } from './admit-attempt.ts'
import { countRecoveryCodes, findTotp, selectPasskeys, useRecoveryCode, useTotpStep } from './factors.sql.ts'
import { queueMail, type ComposedMail } from '../mail/index.ts'
import {
  recordPasskeyUse,
  requestAssertion,
  verifyAssertion,
  type AssertionProof,
  type AssertionRequest,
  type Site,
} from './passkey-assertion.ts'
import { hashRecoveryCode } from './recovery-codes.ts'
import { prepareSession, startSession } from './start-session.ts'
import { findTotpStep } from './totp-code.ts'
import { findPasswordHash, findUser, lockEnabledUser, type User } from './users.sql.ts'

/** Tries of a second factor that one password allows within a day. */
const PER_PASSWORD = { limit: 100, window: 24 * 60 * 60 * 1000 }
const NOTICED_AFTER = 10

/** With what the second factor is proved. */
export type SecondFactor =
  | { kind: 'totp'; code: string }
  | { kind: 'recovery'; code: string }
  | ({ kind: 'passkey'; site: Site } & AssertionProof)

/** The user whose sign-in the secret of a step carries on. Throws `sign_in_expired`. */
async function getStepUser(ctx: Ctx, secret: string): Promise<User> {
  const step = await findLink(ctx.db, { secretHash: hashSecret(secret), purposes: ['second-factor'], now: ctx.now })
  const user = step === null ? null : await findUser(ctx.db, step.user)
  if (user === null) {
    throw new DomainError('sign_in_expired')
  }
  return user
}

/** What a browser needs to ask for one of the user's passkeys. Throws `sign_in_expired`, `passkeys_unavailable`. */
export async function requestStepPasskey(ctx: Ctx, input: { step: string; site: Site }): Promise<AssertionRequest> {
  const user = await getStepUser(ctx, input.step)
  return requestAssertion(ctx, { site: input.site, user, passkeys: await selectPasskeys(ctx.db, user.id) })
}

/**
 * Completes a sign-in; returns the secret of the session's cookie. Throws `second_factor_refused`, `passkey_refused`, `sign_in_expired` and
 * `request_limited`.
 */
export async function completeSignIn(
  ctx: Ctx,
  input: { step: string; proof: SecondFactor },
): Promise<{ secret: string; user: User }> {
  const user = await getStepUser(ctx, input.step)
  const attempt = await admitAttempt(ctx, 'second-factor', user.uid)
  const counted = await takeTry(ctx, user)
  try {
    const use = await prepareUse(ctx, user, input.proof)
    const session = prepareSession(ctx)
    await ctx.transaction(async (tx) => {
      if (!(await lockEnabledUser(tx.db, user.id)) || !(await useLink(tx.db, hashSecret(input.step)))) {
        throw new DomainError('sign_in_expired')
      }
      await use(tx)
      await startSession(tx, user.id, session)
      await tx.record({ type: 'user.signed-in', organization: null, user: user.id, method: `password+${input.proof.kind}` })
    })
    await ctx.attempts.succeed(attempt)
    return { secret: session.secret, user }
  } catch (error) {
    if (isDomainError(error, 'second_factor_refused') || isDomainError(error, 'passkey_refused')) {
      await counted.failed()
    }
    throw error
  }
}

/**
 * Counts a try of a second factor for the present password. Whoever guesses here knows that password: after ten wrong tries the person is told
 * to change it, which makes the steps of the guesser worthless and begins the count anew. Throws `request_limited` beyond the day's tries.
 */
async function takeTry(ctx: Ctx, user: User): Promise<{ failed(): Promise<void> }> {
  const password = hashSecret(`${user.uid} ${await findPasswordHash(ctx.db, user.id)}`)
  const { allowed, resetAt } = ctx.limiter.take(`second-factor:${password}`, PER_PASSWORD)
  if (!allowed) {
    throw new DomainError('request_limited', { seconds: Math.ceil((resetAt - ctx.now) / 1000) })
  }
  return {
    async failed() {
      const { remaining } = ctx.limiter.take(`wrong-second-factor:${password}`, PER_PASSWORD)
      const notice = remaining === PER_PASSWORD.limit - NOTICED_AFTER ? composeAlarm(ctx, user) : null
      await recordFailedSignIn(ctx, { account: user.uid, user: user.id, step: 'second-factor', notice })
    },
  }
}

function composeAlarm(ctx: Ctx, user: User): ComposedMail | null {
  return composeNotice(ctx, user, {
    subject: 'Somebody knows your password',
    text: `Somebody gave the right password of your account and then ${NOTICED_AFTER} wrong codes. They did not get in.`,
  })
}

/** Checks a proof as far as that is possible outside the transaction; the function that it returns uses the proof up. */
async function prepareUse(ctx: Ctx, user: User, proof: SecondFactor): Promise<(tx: Tx) => Promise<void>> {
  switch (proof.kind) {
    case 'totp':
      return useTotp(ctx, user, proof.code)
    case 'recovery':
      return useRecovery(ctx, user, proof.code)
    case 'passkey': {
      const { site, state, response } = proof
      const assertion = await verifyAssertion(ctx, { site, state, response, user, needsVerification: 'no' })
      return (tx) => recordPasskeyUse(tx, assertion)
    }
  }
}

async function useTotp(ctx: Ctx, user: User, code: string): Promise<(tx: Tx) => Promise<void>> {
  const totp = await findTotp(ctx.db, user.id)
  const step =
    totp === null ? null : findTotpStep({ secret: ctx.secrets.decrypt(totp.secret, `totp:${user.uid}`), code, now: ctx.now })
  if (step === null) {
    throw new DomainError('second_factor_refused')
  }
  return (tx) => requireUse(useTotpStep(tx.db, user.id, step))
}

function useRecovery(ctx: Ctx, user: User, code: string): (tx: Tx) => Promise<void> {
  const hash = hashRecoveryCode(code)
  const notice = composeNotice(ctx, user, {
    subject: 'A recovery code was used',
    text: 'Somebody signed in to your account with your password and one of your recovery codes. That code works no more.',
  })
  return (tx) => spendRecoveryCode(tx, { user: user.id, hash, notice })
}

async function spendRecoveryCode(
  tx: Tx,
  { user, hash, notice }: { user: UserId; hash: string; notice: ComposedMail | null },
): Promise<void> {
  await requireUse(useRecoveryCode(tx.db, user, hash))
  const left = await countRecoveryCodes(tx.db, user)
  await tx.record({ type: 'recovery-code.used', organization: null, user, left })
  await queueMail(tx, notice)
}

async function requireUse(used: Promise<boolean>): Promise<void> {
  if (!(await used)) {
    throw new DomainError('second_factor_refused')
  }
}
