/**
 * What an upstream's feed of changes names. Between an upstream and us there may be caches that give an old copy of a file for a while after the feed named it,
 * and the feed names it once. So each look begins some minutes before the place of the last one, and what is named again is asked for again
 * unless what we have is as new as the feed says (contract composer.md §7.4: the time of a file must not be before that of its action).
 */
import type { Ctx } from '../kernel/ctx.ts'
import { allowsName } from './mirror-rules.ts'
import { selectFileTimes, type FileTimes } from './mirrored-packages.sql.ts'
import type { ReadRoot } from './read-root.ts'
import { fetchChanges, type UpstreamChanges } from './upstream/index.ts'

/** Places in the feed are in ten thousandths of a second, the times of actions in whole seconds. */
const UNIT = 10_000
/** How far back a cache may be. */
const OVERLAP = 5 * 60 * UNIT

/** What to look at, null for everything, and where the feed goes on. */
export interface FollowedChanges {
  names: readonly string[] | null
  next: string
}

type Changes = Extract<UpstreamChanges, { kind: 'changes' }>

/** Asks the feed of a mirror, of which these packages are known; null where there is none. Throws as `fetchChanges`. */
export async function followChanges(ctx: Ctx, read: ReadRoot, known: readonly string[]): Promise<FollowedChanges | null> {
  const { root, feedSince: since } = read.mirror
  const again = since === null ? null : String(Math.max(0, Number(since) - OVERLAP))
  const overlapping = await fetchChanges(ctx, read.mirror, { root, since: again })
  // A feed that does not reach back so far may still know the place itself.
  const isTooFar = overlapping?.kind === 'resync' && since !== null
  const changes = isTooFar ? await fetchChanges(ctx, read.mirror, { root, since }) : overlapping
  if (changes === null || changes.kind !== 'changes') {
    return changes === null ? null : { names: null, next: changes.next }
  }
  return { names: await pickChanged(ctx, read, { changes, known }), next: changes.next }
}

async function pickChanged(
  ctx: Ctx,
  { mirror }: ReadRoot,
  { changes, known }: { changes: Changes; known: readonly string[] },
): Promise<string[]> {
  const mirrored = new Set(known)
  const isWanted = (name: string) => mirrored.has(name) || (mirror.takesAll && allowsName(mirror, name))
  // A package that was deleted is looked at as well: its own answer counts, not the feed's.
  const named = [...changes.updated.filter(isWanted), ...changes.deleted.filter((name) => mirrored.has(name))]
  const isNew = (name: string) => newestTime(changes, name) >= Math.floor(Number(mirror.feedSince) / UNIT)
  const repeated = named.filter((name) => !isNew(name))
  const times = await selectFileTimes(ctx.db, mirror.id, repeated)
  const deleted = new Set(changes.deleted)
  return [
    ...named.filter(isNew),
    ...repeated.filter((name) => isBehind(times.get(name), { changes, name, isDeleted: deleted.has(name) })),
  ]
}

function newestTime({ times }: Changes, name: string): number {
  return Math.max(times.get(name) ?? 0, times.get(`${name}~dev`) ?? 0)
}

/** Whether what we have of a package is older than what the feed says; what has no time at all may be. */
function isBehind(
  ours: FileTimes | undefined,
  { changes: { times }, name, isDeleted }: { changes: Changes; name: string; isDeleted: boolean },
): boolean {
  if (ours === undefined || isDeleted) {
    return ours === undefined || ours.upstream === 'present'
  }
  return isOlder(ours.stable, times.get(name)) || isOlder(ours.dev, times.get(`${name}~dev`))
}

function isOlder(modified: string | null, time: number | undefined): boolean {
  const at = Date.parse(modified ?? '')
  return time !== undefined && (Number.isNaN(at) || at < time * 1000)
}
