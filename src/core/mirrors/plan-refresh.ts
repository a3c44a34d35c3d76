import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { followChanges } from './follow-changes.ts'
import { findTop, findPattern } from './protect-names.ts'
import { allowsName, isPackageName } from './mirror-rules.ts'
import { selectFailingNames, selectMirroredNames } from './mirrored-packages.sql.ts'
import { selectReservations } from './name-reservations.sql.ts'
import { readRoot, type ReadRoot } from './read-root.ts'
import { canTakeAll, fetchNames } from './upstream/index.ts'

/** What one refresh looks at. */
export interface RefreshPlan {
  names: readonly string[]
  /** Reserved names that the upstream offers, with the patterns that reserve them. */
  reserved: readonly { name: string; pattern: string }[]
  /** Where the feed of changes goes on; null without one. */
  feedSince: string | null
  /** Every known package is looked at. */
  isComplete: boolean
}

/**
 * What a refresh has to look at: what the upstream's feed of changes names of the known packages and those that could not be read the last time, or all
 * of them where there is no feed or it says so; with `takesAll` also what the upstream has and the mirror may. Reserved names are never asked for. Throws
 * `upstream_failed`, `upstream_paused`, and `invalid_input` for an upstream that does not say what it has.
 */
export async function planNames(ctx: Ctx, read: ReadRoot): Promise<RefreshPlan> {
  const { mirror } = read
  const known = await selectMirroredNames(ctx.db, mirror.id)
  const changes = await followChanges(ctx, read, known)
  const isComplete = changes === null || changes.names === null
  const wanted = isComplete ? known : [...(changes?.names ?? []), ...(await selectFailingNames(ctx.db, mirror.id))]
  const offered = mirror.takesAll && isComplete ? await listOffered(ctx, read) : []
  const { names, reserved } = await sortOutReserved(ctx, read, [...new Set([...wanted, ...offered])])
  return { names, reserved, feedSince: changes?.next ?? null, isComplete }
}

async function listOffered(ctx: Ctx, read: ReadRoot): Promise<string[]> {
  // What the upstream lists is in its root file, which a look at the feed of changes does without.
  const { mirror, file } = read.file === null ? await readRoot(ctx, { ...read.mirror, rootModified: null, rootEtag: null }) : read
  const names = file === null || !canTakeAll(mirror.root) ? null : await fetchNames(ctx, mirror, file)
  if (names === null) {
    throw new DomainError('upstream_failed', {
      problem: 'it does not list its packages in the root file, so they cannot be taken all; add those that you need',
    })
  }
  return names.filter((name) => isPackageName(name) && allowsName(mirror, name))
}

async function sortOutReserved(
  ctx: Ctx,
  { mirror }: ReadRoot,
  wanted: readonly string[],
): Promise<Pick<RefreshPlan, 'names' | 'reserved'>> {
  const top = await findTop(ctx.db, mirror.organization)
  if (top === null) {
    throw new DomainError('mirror_not_found')
  }
  const reservations = await selectReservations(ctx.db, top.id)
  const single = new Set(reservations.filter(({ kind }) => kind === 'name').map(({ pattern }) => pattern))
  const patterns = reservations.filter(({ kind }) => kind !== 'name')
  const names: string[] = []
  const reserved: { name: string; pattern: string }[] = []
  for (const name of wanted) {
    const pattern = single.has(name) ? name : findPattern(patterns, { slug: top.slug, name })
    if (pattern === null) {
      names.push(name)
    } else {
      reserved.push({ name, pattern })
    }
  }
  return { names, reserved }
}
