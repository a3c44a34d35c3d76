import {
  findBlocked,
  getFeedHealth,
  selectAdvisories,
  selectEntriesOfNames,
  type Advisory,
  type FeedHealth,
} from '../advisories/index.ts'
import { findVisiblePackages, sees, type Audience } from '../catalog/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { SourceId } from '../kernel/values.ts'
import { archiveSubject, selectArchiveProblems } from '../mirrors/index.ts'
import { installedKey, selectInstalled, selectPackagesById, type KnownInstalled, type Package } from '../packages/index.ts'
import { selectSourcesById, type Source } from '../sources/index.ts'
import type { LockedPackage } from './parse-lock-file.ts'

/** A package by name, as it is locked. What is left out of a lock file's entry is not needed to know whether there is an archive. */
export type Locked = Pick<LockedPackage, 'name' | 'normalized' | 'dist' | 'source'>

/** What the registry knows about what is locked, as far as the audience sees it. */
export interface LockFacts {
  packages: ReadonlyMap<string, Package>
  sources: ReadonlyMap<SourceId, Source>
  installed: KnownInstalled
  /** What is wrong with archives of mirrors; see `archiveSubject`. */
  archiveProblems: ReadonlyMap<string, string>
  /** Why a version is kept back, by package and normalized version; see `installedKey`. */
  blocked: ReadonlyMap<string, string>
  advisories: ReadonlyMap<string, readonly Advisory[]>
  feed: FeedHealth['state']
}

/** The reference by which a locked package is installed. */
export function lockedReference({ dist, source }: Locked): string | null {
  return dist?.reference ?? source?.reference ?? null
}

/** Reads in few statements what is known about all that is locked. Names that the audience does not see are known by public advisories alone. */
export async function loadLockFacts(ctx: Ctx, audience: Audience, locked: readonly Locked[]): Promise<LockFacts> {
  const { db } = ctx
  const names = locked.map(({ name }) => name)
  const ids = await findVisiblePackages(ctx, audience, names)
  const found = await selectPackagesById(db, [...ids.values()])
  const packages = new Map(found.map((one) => [one.name, one]))
  const installed = locked.flatMap((one) => {
    const target = packages.get(one.name)
    return target === undefined ? [] : [{ package: target.id, normalized: one.normalized, reference: lockedReference(one) }]
  })
  const sources = await selectSourcesById(db, [...new Set(found.map(({ source }) => source))])
  const feed = await getFeedHealth(ctx)
  return {
    packages,
    sources,
    installed: await selectInstalled(db, installed),
    archiveProblems: await loadArchiveProblems(ctx, { locked, packages, sources }),
    blocked: await loadBlocked(ctx, { audience, locked, packages }),
    advisories: await loadAdvisories(ctx, audience, names),
    feed: feed.state,
  }
}

async function loadArchiveProblems(
  { db }: Ctx,
  { locked, packages, sources }: Pick<LockFacts, 'packages' | 'sources'> & { locked: readonly Locked[] },
): Promise<Map<string, string>> {
  const mirrors = [...sources.values()].filter(({ kind }) => kind === 'mirror').map(({ id }) => id)
  const subjects = locked.flatMap((one) => {
    const target = packages.get(one.name)
    const reference = lockedReference(one)
    return target === undefined || reference === null ? [] : [archiveSubject({ target, reference })]
  })
  return selectArchiveProblems(db, mirrors, subjects)
}

async function loadBlocked(
  { db }: Ctx,
  { audience, locked, packages }: Pick<LockFacts, 'packages'> & { audience: Audience; locked: readonly Locked[] },
): Promise<Map<string, string>> {
  const entries = await selectEntriesOfNames(db, audience.organization.id, [...packages.keys()])
  const named = new Set(entries.map(({ packageName }) => packageName))
  const blocked = new Map<string, string>()
  for (const { name, normalized } of locked) {
    const target = packages.get(name)
    if (target === undefined || normalized === null || !named.has(name)) {
      continue
    }
    const entry = await findBlocked(db, target, normalized)
    if (entry !== null) {
      blocked.set(installedKey(target.id, normalized), entry.reason === null ? entry.list : `${entry.list}: ${entry.reason}`)
    }
  }
  return blocked
}

/** An organization's own advisory tells that it has such a package. */
async function loadAdvisories({ db }: Ctx, audience: Audience, names: readonly string[]): Promise<Map<string, Advisory[]>> {
  const all = await selectAdvisories(db, { organization: audience.organization.id, names })
  for (const [name, advisories] of all) {
    if (!sees(audience, name)) {
      all.set(
        name,
        advisories.filter(({ organization }) => organization === null),
      )
    }
  }
  return all
}
