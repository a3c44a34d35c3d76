import type { DescribedMirror, Mirror, MirrorBehavior, MirroredPackage, MirrorIncident } from '../core/mirrors/index.ts'
import { formatSyncInterval } from './sync-interval.ts'
import { formatFields } from './table.ts'
import { toMoment, toTimestamp } from './texts.ts'

const BEHAVIORS: Readonly<Record<MirrorBehavior, string>> = {
  add_on_use: 'added on use',
  manual: 'added by members',
  manual_admin: 'added by admins',
  disabled: 'disabled',
}

/** A mirror as a JSON document. */
export function presentMirror({ mirror, packages, failing, incidents, pausedUntil }: DescribedMirror) {
  const { uid, name, url, behavior, position, timeout, only, except, keepsArchives, takesAll, holdsSuspects, state, problem } =
    mirror
  return {
    ...{
      uid,
      name,
      url,
      behavior,
      position,
      timeoutSeconds: timeout / 1000,
      only,
      except,
      keepsArchives,
      takesAll,
      holdsSuspects,
    },
    ...{ state, problem, packages, failingPackages: failing, incidents },
    protocol: mirror.root?.protocol.kind ?? null,
    intervalSeconds: mirror.refreshSeconds,
    hasCredential: mirror.credential !== null,
    failingSince: toTimestamp(mirror.failingSince),
    pausedUntil: toTimestamp(pausedUntil),
    refreshedAt: toTimestamp(mirror.refreshedAt),
    nextRefreshAt: mirror.behavior === 'disabled' ? null : toTimestamp(mirror.nextRefreshAt),
    createdAt: toTimestamp(mirror.createdAt),
  }
}

/** Everything about a mirror for people. */
export function describeMirror(described: DescribedMirror): string {
  const { mirror, packages, failing, incidents, pausedUntil } = described
  return formatFields([
    ['UID', mirror.uid],
    ['Name', mirror.name],
    ['URL', mirror.url],
    ['Packages', `${packages}, ${BEHAVIORS[mirror.behavior]}${mirror.takesAll ? ', all that the upstream lists' : ''}`],
    ['Only', mirror.only?.join(', ') ?? 'all names'],
    ['Except', mirror.except?.join(', ') ?? 'none'],
    ['Position', String(mirror.position)],
    ['Timeout', `${mirror.timeout / 1000} seconds`],
    ['Interval', mirror.refreshSeconds === null ? 'auto' : formatSyncInterval(mirror.refreshSeconds)],
    ['Archives', mirror.keepsArchives ? 'kept here' : 'from the upstream'],
    ['Suspects', mirror.holdsSuspects ? 'kept back' : 'reported'],
    ['Credential', mirror.credential === null ? 'none' : 'stored'],
    ['State', describeState(mirror)],
    ['Refreshed', toMoment(mirror.refreshedAt)],
    ...(failing === 0 ? [] : [['Failing', `${failing} packages could not be looked at lately`] as const]),
    ...(incidents === 0 ? [] : [['Incidents', `${incidents} open; see: repertoire mirror incidents`] as const]),
    ...(pausedUntil === null ? [] : [['Paused', `the host is left alone until ${toMoment(pausedUntil)}`] as const]),
    ...(mirror.problem === null ? [] : [['Problem', mirror.problem] as const]),
  ])
}

/** Whether a mirror works, in few words. */
export function describeState({ behavior, state, failingSince }: Mirror): string {
  if (behavior === 'disabled') {
    return 'disabled'
  }
  return failingSince === null ? state : `failing since ${toMoment(failingSince)}`
}

/** A mirrored package as a JSON document. */
export function presentMirrored({ name, upstream, checkedAt, changedAt, failingSince, problem }: MirroredPackage) {
  const moments = {
    checkedAt: toTimestamp(checkedAt),
    changedAt: toTimestamp(changedAt),
    failingSince: toTimestamp(failingSince),
  }
  return { name, upstream, problem, ...moments }
}

/** An incident as a JSON document. */
export function presentIncident({ uid, kind, subject, detail, count, firstAt, lastAt, dismissedAt }: MirrorIncident) {
  const moments = { firstAt: toTimestamp(firstAt), lastAt: toTimestamp(lastAt), dismissedAt: toTimestamp(dismissedAt) }
  return { uid, kind, subject, detail, count, ...moments }
}
