import type { Instant } from '../kernel/values.ts'
import type { Source } from './sources.sql.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** How long a hook counts as working after it last asked for a sync, in milliseconds. */
const HOOK_TRUST = 7 * DAY
const WITH_HOOK = 60 * MINUTE
const WITHOUT_HOOK = 15 * MINUTE
const LONGEST_PAUSE = DAY
/** Sources that were added together are looked at over an eighth of their interval. */
const SPREAD = 8

/**
 * Milliseconds between two looks at a healthy source: what somebody chose for it, else an hour where a hook worked within the
 * last seven days, else 15 minutes.
 */
export function syncInterval(source: Pick<Source, 'syncInterval' | 'hookSeenAt'>, now: Instant): number {
  if (source.syncInterval !== null) {
    return source.syncInterval * 1000
  }
  return source.hookSeenAt !== null && source.hookSeenAt > now - HOOK_TRUST ? WITH_HOOK : WITHOUT_HOOK
}

/**
 * When the reconciler looks at a source next, counted from `now`: after its interval, doubled for every look since the last
 * success beyond the first, up to a day or the interval itself if that is longer. A part of up to an eighth is added, always
 * the same for one source.
 */
export function planNextSync(
  source: Pick<Source, 'uid' | 'syncInterval' | 'hookSeenAt' | 'overdueSyncs'>,
  now: Instant,
): Instant {
  const interval = syncInterval(source, now)
  const pause = Math.min(interval * 2 ** Math.max(0, source.overdueSyncs - 1), Math.max(LONGEST_PAUSE, interval))
  const share = Bun.hash.crc32(source.uid) / 2 ** 32
  return now + Math.round(pause + (pause / SPREAD) * share)
}
