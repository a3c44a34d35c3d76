/**
 * A client that meets an upstream for the first time asks for a dozen packages at once, and every transaction of its own would wait for the disk. What
 * arrives for one group and actor within a moment is done in one.
 */
import type { Actor } from '../kernel/actor.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { Upstreams } from '../kernel/ports.ts'

/** Does one piece of work in a transaction that others of the same group may share. */
export type GatheredWork<Item, Result> = (ctx: Ctx, group: string, item: Item) => Promise<Result>

interface Waiting<Item, Result> {
  item: Item
  settled: PromiseWithResolvers<Result>
}

/** Milliseconds that the first waits for others. */
const GATHERED_FOR = 2
const MOST_TOGETHER = 16

/**
 * Work that is gathered by process, group and actor. `work` gets some items, in the order in which they arrived, and gives a result for each; when
 * it throws, each item is tried by itself, so that the others do not fail with the one that is at fault.
 */
export function gatherWork<Item, Result>(
  work: (tx: Tx, items: readonly [Item, ...Item[]]) => Promise<readonly Result[]>,
): GatheredWork<Item, Result> {
  /** By process; what waits is known to nobody else. */
  const gatherings = new WeakMap<Upstreams, Map<string, Waiting<Item, Result>[]>>()

  async function doSome(ctx: Ctx, [first, ...others]: readonly Waiting<Item, Result>[]): Promise<void> {
    if (first === undefined) {
      return
    }
    const some = [first, ...others]
    try {
      const results = await ctx.transaction((tx) => work(tx, [first.item, ...others.map(({ item }) => item)]))
      for (const [index, result] of results.entries()) {
        some[index]?.settled.resolve(result)
      }
    } catch (error) {
      if (others.length === 0) {
        first.settled.reject(error)
        return
      }
      for (const one of some) {
        await doSome(ctx, [one])
      }
    }
  }

  async function doAll(ctx: Ctx, waiting: Waiting<Item, Result>[], end: () => void): Promise<void> {
    try {
      do {
        await ctx.upstreams.sleep(GATHERED_FOR)
        await doSome(ctx, waiting.splice(0, MOST_TOGETHER))
      } while (waiting.length > 0)
    } finally {
      end()
    }
  }

  return (ctx, group, item) => {
    const gathering = gatherings.get(ctx.upstreams) ?? new Map<string, Waiting<Item, Result>[]>()
    gatherings.set(ctx.upstreams, gathering)
    const key = `${group} ${identityOf(ctx.actor)}`
    const waiting = gathering.get(key)
    const one: Waiting<Item, Result> = { item, settled: Promise.withResolvers() }
    if (waiting !== undefined) {
      waiting.push(one)
      return one.settled.promise
    }
    const own = [one]
    gathering.set(key, own)
    return Promise.all([one.settled.promise, doAll(ctx, own, () => gathering.delete(key))]).then(([result]) => result)
  }
}

/** Events name whoever caused them, so only those of one actor go together. */
function identityOf(actor: Actor): string {
  switch (actor.kind) {
    case 'token':
      return `token ${actor.token}`
    case 'user':
      return `user ${actor.user}`
    default:
      return actor.kind
  }
}
