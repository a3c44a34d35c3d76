import { randomBase62 } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { HookRow } from './hooks.sql.ts'

/** Letters and digits of a secret, as hosting providers expect them (pricore.md §8): 238 bits. */
const LENGTH = 40

/** A new secret for the hook with that uid: for showing, and sealed for storing. */
export function mintHookSecret(ctx: Ctx, uid: string): { plain: string; sealed: string } {
  const plain = randomBase62(ctx.random, LENGTH)
  return { plain, sealed: ctx.secrets.encrypt(plain, contextOf(uid)) }
}

/** The secrets of a hook that are valid now, the current one first. Throws when they were sealed with another key. */
export function openHookSecrets(ctx: Ctx, row: HookRow): [current: string, ...previous: string[]] {
  const current = ctx.secrets.decrypt(row.secret, contextOf(row.uid))
  if (row.previousSecret === null || row.previousUntil === null || row.previousUntil <= ctx.now) {
    return [current]
  }
  return [current, ctx.secrets.decrypt(row.previousSecret, contextOf(row.uid))]
}

function contextOf(uid: string): string {
  return `hook:${uid}`
}
