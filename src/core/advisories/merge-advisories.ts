import type { Advisory, AdvisorySource } from './advisory.ts'

/** Who says so: the organization itself, the installation's feed, or a mirrored repository. The first named is believed first. */
export type Origin = 'own' | 'feed' | 'mirror'

const RANK: Readonly<Record<Origin, number>> = { own: 0, feed: 1, mirror: 2 }

/** Whose data packagist.org prefers where several have the same CVE (contract composer.md §7.6). */
const PREFERRED_SOURCE = 'FriendsOfPHP/security-advisories'

/** An advisory with who says so. */
export interface Told {
  origin: Origin
  advisory: Advisory
}

/**
 * One package's advisories without repetitions, the newest first. The same id or the same CVE is the same advisory: the organization's own
 * word counts before that of feeds, and FriendsOfPHP's before that of others; the sources of all are kept, because clients ignore advisories by them.
 */
export function mergeAdvisories(told: readonly Told[]): Advisory[] {
  const merged: Advisory[] = []
  const known = new Map<string, number>()
  for (const { advisory } of told.toSorted(byTrust)) {
    const keys = keysOf(advisory)
    const place = keys.map((key) => known.get(key)).find((index) => index !== undefined) ?? merged.length
    const winner = merged[place]
    merged[place] = winner === undefined ? advisory : addSources(winner, advisory)
    for (const key of keys) {
      known.set(key, place)
    }
  }
  return merged.toSorted((left, right) => right.reportedAt - left.reportedAt || compare(right.advisoryId, left.advisoryId))
}

function keysOf({ advisoryId, cve }: Advisory): string[] {
  return cve === null ? [`id:${advisoryId}`] : [`id:${advisoryId}`, `cve:${cve.toUpperCase()}`]
}

function byTrust(left: Told, right: Told): number {
  return (
    RANK[left.origin] - RANK[right.origin] ||
    Number(isPreferred(right.advisory)) - Number(isPreferred(left.advisory)) ||
    left.advisory.id - right.advisory.id
  )
}

function isPreferred({ sources }: Advisory): boolean {
  return sources.some(({ name }) => name === PREFERRED_SOURCE)
}

function addSources(winner: Advisory, other: Advisory): Advisory {
  const isNew = (added: AdvisorySource) =>
    winner.sources.every(({ name, remoteId }) => name !== added.name || remoteId !== added.remoteId)
  const added = other.sources.filter(isNew)
  const isAlias = other.advisoryId !== winner.advisoryId && !winner.aliases.includes(other.advisoryId)
  return {
    ...winner,
    updatedAt: Math.max(winner.updatedAt, other.updatedAt),
    aliases: isAlias ? [...winner.aliases, other.advisoryId] : winner.aliases,
    sources: [...winner.sources, ...added],
  }
}

function compare(left: string, right: string): number {
  if (left === right) {
    return 0
  }
  return left < right ? -1 : 1
}
