import { selectExpiringTokens, type ExpiringToken } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { OrganizationId, TokenId } from '../kernel/values.ts'
import { scheduleNotices } from './notice-events.ts'
import { deleteToldBefore, insertNotice } from './notices.sql.ts'

const DAY = 24 * 60 * 60 * 1000
/** Days before the end of a token at which it is told, once each. */
const LAST_CALL = 3
const FIRST_CALL = 14
const PORTION = 500
/** How long it is remembered that something was told. */
const KEPT_FOR = 60 * DAY

/**
 * Looks once a day for tokens that end soon and notes them for their organizations: within 14 days, and again within 3. A token whose end is
 * moved counts anew. Does nothing while mail is not configured. Returns how many were noted.
 */
export async function collectNotices(ctx: Ctx): Promise<number> {
  if (ctx.mailer === null) {
    return 0
  }
  let noted = 0
  let after = 0 as TokenId
  for (;;) {
    const within = { now: ctx.now, until: ctx.now + FIRST_CALL * DAY }
    const tokens = await selectExpiringTokens(ctx.db, within, { after, limit: PORTION })
    noted += await noteExpiring(ctx, tokens)
    const last = tokens.at(-1)
    if (last === undefined || tokens.length < PORTION) {
      return noted
    }
    after = last.id
  }
}

async function noteExpiring(ctx: Ctx, tokens: readonly ExpiringToken[]): Promise<number> {
  return ctx.transaction(async (tx) => {
    const told = new Set<OrganizationId>()
    let notices = 0
    for (const { id, organization, expiresAt } of tokens) {
      const call = expiresAt - tx.now <= LAST_CALL * DAY ? LAST_CALL : FIRST_CALL
      const subject = `${id}:${expiresAt}:${call}`
      if (await insertNotice(tx.db, { organization, kind: 'token_expiring', subject }, tx.now)) {
        told.add(organization)
        notices += 1
      }
    }
    for (const organization of [...told].toSorted((left, right) => left - right)) {
      await scheduleNotices(tx, organization)
    }
    await deleteToldBefore(tx.db, tx.now - KEPT_FOR)
    await tx.record({ type: 'notices.collected', organization: null, notices })
    return notices
  })
}
