import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Attempt } from '../kernel/ports.ts'
import type { UserId } from '../kernel/values.ts'
import { queueMail, type ComposedMail } from '../mail/index.ts'
import { hashSecret } from './account-secret.ts'

const HOUR = 60 * 60 * 1000
/** Failures of one account that become events; the rest of a flood is only throttled. */
const PER_ACCOUNT = { limit: 5, window: HOUR }
const PER_INSTANCE = { limit: 500, window: HOUR }

/** Counts a try of a secret before it is checked. Throws `request_limited` while it has to wait. */
export async function admitAttempt(ctx: Ctx, purpose: 'login' | 'second-factor', account: string): Promise<Attempt> {
  const attempt: Attempt = { purpose, account, address: ctx.origin.address }
  const wait = await ctx.attempts.admit(attempt)
  if (wait !== null) {
    throw new DomainError('request_limited', { seconds: Math.ceil(wait / 1000) })
  }
  return attempt
}

/** A try that failed. `account` is whatever was typed, `notice` a mail that goes out with the record, or null. */
export interface FailedSignIn {
  account: string
  user: UserId | null
  step: 'password' | 'second-factor' | 'passkey'
  notice: ComposedMail | null
}

/**
 * Records a failed sign-in, at most five an hour for one account and 500 in all. The same is done whether or not there is such a user, so that
 * the time it takes says nothing.
 */
export async function recordFailedSignIn(ctx: Ctx, { account, user, step, notice }: FailedSignIn): Promise<void> {
  const isNoted =
    ctx.limiter.take(`failed-sign-ins:${hashSecret(account)}`, PER_ACCOUNT).allowed &&
    ctx.limiter.take('failed-sign-ins', PER_INSTANCE).allowed
  if (!isNoted && notice === null) {
    return
  }
  await ctx.transaction(async (tx) => {
    await tx.record({ type: 'user.sign-in-failed', organization: null, user, step })
    await queueMail(tx, notice)
  })
}
