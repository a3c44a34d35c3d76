/**
 * Hosts limit requests by credential, or by address where there is none. One that answers so is left alone with that credential until the time
 * that it named, by all processes and also after a restart, because pauses are in the database; with other credentials it is asked as before. Equal
 * secrets of several sources share a pause, since the host counts them together. Work that runs already when a pause begins may meet
 * the limit once more, which makes no difference but the longer of two pauses.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { isDomainError, type DomainError } from '../kernel/errors.ts'
import type { GitCredential, HeadersCredential } from '../kernel/ports.ts'
import { limitedFailure } from '../kernel/retry-after.ts'
import type { Instant } from '../kernel/values.ts'
import { enqueueLaterSync } from './add-source.ts'
import { openCredential, openUpstreamCredential } from './credentials.ts'
import { deletePausesBefore, findPause, writePause } from './pauses.sql.ts'
import type { Source } from './sources.sql.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND
/** The first pause where a host names no time or a shorter one; doubled while pauses follow each other. */
const SHORTEST = 60 * SECOND
const LONGEST_OWN = HOUR
/** No host stops a source for longer by what it says. */
const LONGEST = 24 * HOUR
/** A pause within this time after another is another in a row. */
const MEMORY = HOUR

/**
 * Does what asks the host of a source for something, with the source's credential. Throws `source_limited` without asking while the host
 * limits requests with that credential; when `work` throws it, a pause begins. `origin` is who counts the requests that are made without one.
 */
export async function askHost<Result>(
  ctx: Ctx,
  { source, origin }: { source: Source; origin: string },
  work: (credential: GitCredential | null) => Promise<Result>,
): Promise<Result> {
  const credential = source.credential === null ? null : await openCredential(ctx, source.credential)
  return askOutsidePauses(ctx, { source, key: pauseKey(ctx, credential, origin) }, () => work(credential))
}

/**
 * As `askHost`, for upstream repositories, which may want headers of their own. Their archives lie elsewhere at times; a host that does not get the
 * credential counts requests without one.
 */
export async function askUpstreamHost<Result>(
  ctx: Ctx,
  { source, origin }: { source: AskedSource & Pick<Source, 'credential'>; origin: string },
  work: (credential: GitCredential | HeadersCredential | null) => Promise<Result>,
): Promise<Result> {
  const credential = source.credential === null ? null : await openUpstreamCredential(ctx, source.credential)
  const key = pauseKey(ctx, credential?.origin === origin ? credential : null, origin)
  return askOutsidePauses(ctx, { source, key }, () => work(credential))
}

type AskedSource = Pick<Source, 'id' | 'organization'>

async function askOutsidePauses<Result>(
  ctx: Ctx,
  { source, key }: { source: AskedSource; key: string },
  work: () => Promise<Result>,
): Promise<Result> {
  // The files of a package are asked for at the same time.
  const pause = await ctx.upstreams.once(`pause ${key}`, () => findPause(ctx.db, key))
  const before = ctx.clock.now()
  if (pause !== null && pause.until > before) {
    throw limitedFailure(Math.ceil((pause.until - before) / SECOND), before)
  }
  try {
    return await work()
  } catch (error) {
    if (!isDomainError(error, 'source_limited')) {
      throw error
    }
    const now = ctx.clock.now()
    const until = await ctx.transaction((tx) =>
      beginPause(tx, source, { key, now, asked: Number(error.details['seconds'] ?? 0) }),
    )
    throw limitedFailure(Math.ceil((until - now) / SECOND), now)
  }
}

/** Until when the host of a source is not asked with its credential, or null; null also for a credential that cannot be opened. */
export async function findPausedUntil(ctx: Ctx, { source, origin }: { source: Source; origin: string }): Promise<Instant | null> {
  const credential = source.credential === null ? null : await openCredential(ctx, source.credential).catch(() => undefined)
  if (credential === undefined) {
    return null
  }
  const pause = await findPause(ctx.db, pauseKey(ctx, credential, origin))
  return pause !== null && pause.until > ctx.now ? pause.until : null
}

/** Equal secrets for one place have equal keys. */
function pauseKey(ctx: Ctx, credential: GitCredential | HeadersCredential | null, origin: string): string {
  if (credential === null) {
    return `anonymous:${origin}`
  }
  if (credential.kind === 'headers') {
    const headers = Object.entries(credential.headers).toSorted(([left], [right]) => (left < right ? -1 : 1))
    return `credential:${ctx.secrets.fingerprint(JSON.stringify([credential.origin, headers]))}`
  }
  return `credential:${ctx.secrets.fingerprint(JSON.stringify(credential, Object.keys(credential).toSorted()))}`
}

async function beginPause(
  tx: Tx,
  source: AskedSource,
  { key, now, asked }: { key: string; now: Instant; asked: number },
): Promise<Instant> {
  const last = await findPause(tx.db, key)
  const strikes = countStrikes(last, now)
  const own = Math.min(SHORTEST * 2 ** (strikes - 1), LONGEST_OWN)
  const until = Math.max(now + Math.min(Math.max(asked * SECOND, own), LONGEST), last?.until ?? 0)
  await writePause(tx.db, key, { until, strikes })
  await deletePausesBefore(tx.db, now - LONGEST)
  await tx.record({
    type: 'source.paused',
    organization: source.organization,
    source: source.id,
    until: new Date(until).toISOString(),
  })
  return until
}

/** What met the limit while a pause had begun already is no further strike. */
function countStrikes(last: { until: Instant; strikes: number } | null, now: Instant): number {
  if (last === null || last.until + MEMORY < now) {
    return 1
  }
  return last.until > now ? last.strikes : last.strikes + 1
}

/** Lets a sync that came too early be made when the host may be asked again; `limit` is the failure that said so. */
export async function postponeLimited(ctx: Ctx, source: Source, limit: DomainError): Promise<void> {
  const runAt = ctx.clock.now() + Number(limit.details['seconds']) * SECOND
  await ctx.transaction(async (tx) => {
    await enqueueLaterSync(tx, source, runAt)
    await tx.record({
      type: 'source.sync-postponed',
      organization: source.organization,
      source: source.id,
      until: new Date(runAt).toISOString(),
    })
  })
}
