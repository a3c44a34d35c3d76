import type { Db } from '../kernel/schema.ts'
import type { UserId } from '../kernel/values.ts'
import { countRecoveryCodes, findTotp, selectPasskeys } from './factors.sql.ts'

/** With what somebody can complete a sign-in: an authenticator app, a passkey, or a code that was kept for the case of loss. */
export type FactorKind = 'totp' | 'passkey' | 'recovery'

/** The second factors of a user; empty when the password is enough. Recovery codes alone are none. */
export async function listFactors(db: Db, user: UserId): Promise<FactorKind[]> {
  const hasTotp = (await findTotp(db, user)) !== null
  const hasPasskey = (await selectPasskeys(db, user)).length > 0
  if (!hasTotp && !hasPasskey) {
    return []
  }
  const hasCodes = (await countRecoveryCodes(db, user)) > 0
  return [
    ...(hasTotp ? (['totp'] as const) : []),
    ...(hasPasskey ? (['passkey'] as const) : []),
    ...(hasCodes ? (['recovery'] as const) : []),
  ]
}
