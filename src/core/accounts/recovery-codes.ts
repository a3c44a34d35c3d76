import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Random } from '../kernel/ports.ts'
import { queueMail } from '../mail/index.ts'
import { composeNotice } from './account-mails.ts'
import { hashSecret } from './account-secret.ts'
import { replaceRecoveryCodes } from './factors.sql.ts'
import { listFactors } from './list-factors.ts'
import { getConfirmedUser } from './own-account.ts'
import { lockEnabledUser, type User } from './users.sql.ts'

const CODES = 10
/** 32 letters and digits, none of which looks like another of them. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz023456789'
const GROUPS = 4
const GROUP_LENGTH = 4

/** Ten codes of 80 random bits, `xxxx-xxxx-xxxx-xxxx`. */
export function mintRecoveryCodes(random: Random): string[] {
  return Array.from({ length: CODES }, () => {
    const letters = [...random.bytes(GROUPS * GROUP_LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length] ?? '')
    return Array.from({ length: GROUPS }, (_, group) =>
      letters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(''),
    ).join('-')
  })
}

/** The form in which a code is stored, however it was typed: SHA-256; with 80 random bits that needs no slow hash. */
export function hashRecoveryCode(code: string): string {
  return hashSecret(`recovery:${code.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}`)
}

/** Stores codes instead of those before, in the caller's transaction. */
export async function storeRecoveryCodes(tx: Tx, user: User, codes: readonly string[]): Promise<void> {
  await replaceRecoveryCodes(tx.db, user.id, codes.map(hashRecoveryCode))
  await tx.record({ type: 'recovery-codes.created', organization: null, user: user.id })
}

/**
 * New recovery codes for the person who acts, instead of all earlier ones; shown once. Throws `factor_not_found` without a second factor,
 * `confirmation_required`.
 */
export async function renewRecoveryCodes(ctx: Ctx): Promise<string[]> {
  const user = await getConfirmedUser(ctx)
  if ((await listFactors(ctx.db, user.id)).length === 0) {
    throw new DomainError('factor_not_found')
  }
  const codes = mintRecoveryCodes(ctx.random)
  const notice = composeNotice(ctx, user, {
    subject: 'New recovery codes',
    text: 'New recovery codes were made for your account. The earlier ones work no more.',
  })
  await ctx.transaction(async (tx) => {
    await lockEnabledUser(tx.db, user.id)
    await storeRecoveryCodes(tx, user, codes)
    await queueMail(tx, notice)
  })
  return codes
}
