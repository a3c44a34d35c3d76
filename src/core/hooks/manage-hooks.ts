import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput, isDomainError } from '../kernel/errors.ts'
import type { Page, Paged } from '../kernel/paging.ts'
import type { Instant } from '../kernel/values.ts'
import { markHooked, type Source } from '../sources/index.ts'
import { mintHookSecret, openHookSecrets } from './hook-secret.ts'
import { findHookRow, insertHook, replaceSecret, type HookRow } from './hooks.sql.ts'
import { selectReceipts, type HookReceipt } from './receipts.sql.ts'

/** How long a secret stays valid after it was replaced, in milliseconds. */
const OVERLAP = 24 * 60 * 60 * 1000

/** The hook of a source with its secret, which hosting providers must be told. */
export interface Hook {
  secret: string
  createdAt: Instant
  rotatedAt: Instant | null
  /** Until when the secret before the last rotation is accepted too; null when it is not. */
  previousUntil: Instant | null
}

/** The hook of a source; made when it is asked for first. Throws as `rotateHook` does. */
export async function getHook(ctx: Ctx, source: Source): Promise<Hook> {
  await authorize(ctx, 'hook.show', source.organization)
  requireRepository(source)
  const row = (await findHookRow(ctx.db, source.id)) ?? (await createHook(ctx, source))
  return toHook(ctx, row)
}

/**
 * Gives the hook a new secret. The old one is accepted for another 24 hours; the one before it no longer, so rotating twice
 * ends a secret at once. Throws `source_not_found` when the source is gone, `invalid_input` when it is no repository.
 */
export async function rotateHook(ctx: Ctx, source: Source): Promise<Hook> {
  await authorize(ctx, 'hook.rotate', source.organization)
  requireRepository(source)
  const { uid } = (await findHookRow(ctx.db, source.id)) ?? (await createHook(ctx, source))
  const { sealed } = mintHookSecret(ctx, uid)
  const row = await ctx.transaction(async (tx) => {
    if (!(await replaceSecret(tx.db, { uid, secret: sealed, previousUntil: tx.now + OVERLAP, at: tx.now }))) {
      throw new DomainError('source_not_found')
    }
    await tx.record({ type: 'hook.rotated', organization: source.organization, source: source.id })
    return requireRow(await findHookRow(tx.db, source.id))
  })
  return toHook(ctx, row)
}

/** What arrived at the hook of a source, newest first. */
export async function listReceipts(ctx: Ctx, source: Source, page: Page): Promise<Paged<HookReceipt>> {
  await authorize(ctx, 'hook.log', source.organization)
  return selectReceipts(ctx.db, source.id, page)
}

async function createHook(ctx: Ctx, source: Source): Promise<HookRow> {
  const uid = ctx.newId()
  const { sealed } = mintHookSecret(ctx, uid)
  try {
    return await ctx.transaction(async (tx) => {
      // The source's row first: of several callers one makes the hook, and whoever removes the source takes its row first too.
      if (!(await markHooked(tx.db, source.id, tx.now))) {
        throw new DomainError('source_not_found')
      }
      await insertHook(tx.db, { uid, source: source.id, secret: sealed, createdAt: tx.now })
      await tx.record({ type: 'hook.created', organization: source.organization, source: source.id })
      return requireRow(await findHookRow(tx.db, source.id))
    })
  } catch (error) {
    const row = isDomainError(error, 'source_not_found') ? await findHookRow(ctx.db, source.id) : null
    if (row === null) {
      throw error
    }
    return row
  }
}

/** Nobody pushes to what was uploaded. */
function requireRepository({ kind }: Source): void {
  if (kind !== 'vcs') {
    throw invalidInput('source', 'only a repository can have a hook')
  }
}

function requireRow(row: HookRow | null): HookRow {
  if (row === null) {
    throw new DomainError('source_not_found')
  }
  return row
}

function toHook(ctx: Ctx, row: HookRow): Hook {
  const [secret, ...previous] = openHookSecrets(ctx, row)
  return {
    secret,
    createdAt: row.createdAt,
    rotatedAt: row.rotatedAt,
    previousUntil: previous.length > 0 ? row.previousUntil : null,
  }
}
