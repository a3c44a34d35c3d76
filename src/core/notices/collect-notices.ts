import { selectExpiringTokens } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { Db } from '../kernel/schema.ts'
import type { CredentialId, Instant, OrganizationId, TokenId } from '../kernel/values.ts'
import { selectExpiringCredentials } from '../sources/index.ts'
import { scheduleNotices } from './notice-events.ts'
import { deleteToldBefore, insertNotice, type NoticeKind } from './notices.sql.ts'

const DAY = 24 * 60 * 60 * 1000
/** Days before the end of a token or credential at which it is told, once each. */
const LAST_CALL = 3
const FIRST_CALL = 14
const PORTION = 500
/** How long it is remembered that something was told. */
const KEPT_FOR = 60 * DAY

/** What ends at a moment. */
interface Ending<Id extends number> {
  id: Id
  organization: OrganizationId
  expiresAt: Instant
}

type SelectEnding<Id extends number> = (
  db: Db,
  within: { now: Instant; until: Instant },
  page: { after: Id; limit: number },
) => Promise<Ending<Id>[]>

/**
 * Looks once a day for tokens, and credentials of sources, that end soon and notes them for their organizations: within 14 days, and again within
 * 3. One whose end is moved counts anew. Does nothing while mail is not configured. Returns how many were noted.
 */
export async function collectNotices(ctx: Ctx): Promise<number> {
  if (ctx.mailer === null) {
    return 0
  }
  const tokens = await collectEnding<TokenId>(ctx, 'token_expiring', selectExpiringTokens)
  return tokens + (await collectEnding<CredentialId>(ctx, 'credential_expiring', selectExpiringCredentials))
}

async function collectEnding<Id extends number>(ctx: Ctx, kind: NoticeKind, select: SelectEnding<Id>): Promise<number> {
  let noted = 0
  let after = 0 as Id
  for (;;) {
    const within = { now: ctx.now, until: ctx.now + FIRST_CALL * DAY }
    const ending = await select(ctx.db, within, { after, limit: PORTION })
    noted += await noteEnding(ctx, kind, ending)
    const last = ending.at(-1)
    if (last === undefined || ending.length < PORTION) {
      return noted
    }
    after = last.id
  }
}

async function noteEnding(ctx: Ctx, kind: NoticeKind, ending: readonly Ending<number>[]): Promise<number> {
  return ctx.transaction(async (tx) => {
    const told = new Set<OrganizationId>()
    let notices = 0
    for (const { id, organization, expiresAt } of ending) {
      const call = expiresAt - tx.now <= LAST_CALL * DAY ? LAST_CALL : FIRST_CALL
      const subject = `${id}:${expiresAt}:${call}`
      if (await insertNotice(tx.db, { organization, kind, subject }, tx.now)) {
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
