import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'

/** What is done once, however many ask. `isDone` looks whether somebody else did it meanwhile, and gives what `work` would. */
export interface LeasedWork<Result> {
  work: () => Promise<Result>
  isDone: () => Promise<Result | null>
  /** How long to wait for another process, in milliseconds. */
  patience: number
}

const FIRST_LOOK = 20
const LONGEST_LOOK = 250

/**
 * Lets one caller of all processes do the work of a key, while the others wait for its outcome (abuse 32): in this process they share the call, elsewhere
 * they look whether it is done. When whoever works fails or dies, one of those who wait tries itself. Throws what `work` throws, and
 * `upstream_failed` after `patience`.
 */
export async function withLease<Result>(ctx: Ctx, key: string, leased: LeasedWork<Result>): Promise<Result> {
  return ctx.upstreams.once(`lease ${key}`, () => waitOrWork(ctx, key, leased))
}

async function waitOrWork<Result>(ctx: Ctx, key: string, { work, isDone, patience }: LeasedWork<Result>): Promise<Result> {
  let waited = 0
  let pause = FIRST_LOOK
  for (;;) {
    const lease = await ctx.upstreams.lease(key)
    if (lease !== null) {
      try {
        return (await isDone()) ?? (await work())
      } finally {
        // Whoever waits for the outcome sees it before the lease is free, so nobody has to wait for that.
        void lease.release()
      }
    }
    if (waited >= patience) {
      throw new DomainError('upstream_failed', { problem: 'another process asks for the same and did not end in time' })
    }
    await ctx.upstreams.sleep(pause)
    waited += pause
    pause = Math.min(pause * 2, LONGEST_LOOK)
    const done = await isDone()
    if (done !== null) {
      return done
    }
  }
}
