import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Instant } from '../kernel/values.ts'
import { queueMail } from '../mail/index.ts'
import { composeNotice } from './account-mails.ts'
import { readState, writeState } from './account-secret.ts'
import { countRecoveryCodes, deleteTotp, findTotp, insertTotp, replaceRecoveryCodes } from './factors.sql.ts'
import { listFactors } from './list-factors.ts'
import { getConfirmedUser } from './own-account.ts'
import { mintRecoveryCodes, storeRecoveryCodes } from './recovery-codes.ts'
import { findTotpStep, toTotpSecret, toTotpUri } from './totp-code.ts'
import { lockEnabledUser } from './users.sql.ts'

const SECRET_BYTES = 20
const ENROLMENT_LASTS = 60 * 60 * 1000
const PURPOSE = 'totp-enrolment'

/** A key for an authenticator app that is not in force yet. */
export interface TotpEnrolment {
  /** Base32, to be typed. */
  secret: string
  /** To be shown as a QR code. */
  uri: string
  /** Comes back with the first code; for one hour. */
  state: string
  expiresAt: Instant
}

/** A new key for an authenticator app of the person who acts. Nothing is stored yet. Throws `factor_exists`, `confirmation_required`. */
export async function requestAuthenticatorApp(ctx: Ctx, host: string): Promise<TotpEnrolment> {
  const user = await getConfirmedUser(ctx)
  if ((await findTotp(ctx.db, user.id)) !== null) {
    throw new DomainError('factor_exists')
  }
  const secret = toTotpSecret(ctx.random.bytes(SECRET_BYTES))
  const expiresAt = ctx.now + ENROLMENT_LASTS
  const state = writeState(ctx.secrets, { purpose: PURPOSE, user: user.uid, value: secret, expiresAt })
  return { secret, uri: toTotpUri({ secret, email: user.email, host }), state, expiresAt }
}

/**
 * Puts an authenticator app in force, proved by a first code, which is used up. With the first second factor come recovery codes, shown once;
 * null later. Throws `second_factor_refused`, `factor_exists`, `confirmation_required`.
 */
export async function registerAuthenticatorApp(
  ctx: Ctx,
  input: { state: string; code: string },
): Promise<{ recoveryCodes: string[] | null }> {
  const user = await getConfirmedUser(ctx)
  const enrolment = readState(ctx.secrets, input.state, { purpose: PURPOSE, user: user.uid, now: ctx.now })
  const step = enrolment === null ? null : findTotpStep({ secret: enrolment.value, code: input.code, now: ctx.now })
  if (enrolment === null || step === null) {
    throw new DomainError('second_factor_refused')
  }
  const secret = ctx.secrets.encrypt(enrolment.value, `totp:${user.uid}`)
  const codes = (await countRecoveryCodes(ctx.db, user.id)) === 0 ? mintRecoveryCodes(ctx.random) : null
  const notice = composeNotice(ctx, user, {
    subject: 'An authenticator app was added',
    text: 'From now on, signing in to your account needs a code of your authenticator app.',
  })
  await ctx.transaction(async (tx) => {
    await lockEnabledUser(tx.db, user.id)
    if (!(await insertTotp(tx.db, user.id, { secret, lastStep: step, createdAt: tx.now }))) {
      throw new DomainError('factor_exists')
    }
    if (codes !== null) {
      await storeRecoveryCodes(tx, user, codes)
    }
    await tx.record({ type: 'second-factor.added', organization: null, user: user.id, factor: 'totp', name: 'authenticator app' })
    await queueMail(tx, notice)
  })
  return { recoveryCodes: codes }
}

/** Removes the authenticator app of the person who acts; with the last second factor go the recovery codes. Throws `factor_not_found`, `confirmation_required`. */
export async function removeAuthenticatorApp(ctx: Ctx): Promise<void> {
  const user = await getConfirmedUser(ctx)
  const notice = composeNotice(ctx, user, {
    subject: 'Your authenticator app was removed',
    text: 'Signing in to your account no longer asks for a code of your authenticator app.',
  })
  await ctx.transaction(async (tx) => {
    await lockEnabledUser(tx.db, user.id)
    if (!(await deleteTotp(tx.db, user.id))) {
      throw new DomainError('factor_not_found')
    }
    if ((await listFactors(tx.db, user.id)).length === 0) {
      await replaceRecoveryCodes(tx.db, user.id, [])
    }
    await tx.record({
      type: 'second-factor.removed',
      organization: null,
      user: user.id,
      factor: 'totp',
      name: 'authenticator app',
    })
    await queueMail(tx, notice)
  })
}
