import type { Ctx } from '../core/kernel/ctx.ts'
import { DomainError } from '../core/kernel/errors.ts'
import { parseSourceUrl, VCS_SYSTEMS, type VcsSystem } from '../core/kernel/source-url.ts'
import { MAX_PAGE } from '../core/kernel/paging.ts'
import type { OrganizationId } from '../core/kernel/values.ts'
import {
  getSource,
  getSourceHealth,
  listSkippedRefs,
  listSources,
  parseManifestGlobs,
  syncInterval,
  type SkippedRefRow,
  type Source,
  type SourceHealth,
} from '../core/sources/index.ts'
import { readPackages } from './commands/package.ts'
import { toInert } from './inert.ts'
import { readAll } from './read-all.ts'
import { formatSyncInterval } from './sync-interval.ts'
import { formatFields, formatTable } from './table.ts'
import { countOf, toMoment, toTimestamp } from './texts.ts'

/** A source with what its last sync brought. */
export interface SourceOutcome {
  source: Source
  health: SourceHealth
  /** When it was read. */
  now: number
  packages: number
  versions: number
  skipped: SkippedRefRow[]
  document: ReturnType<typeof presentSource> &
    ReturnType<typeof presentHealth> & { packages: number; versions: number; skipped: SkippedRefRow[] }
}

/** The source of an organization with that uid or URL, in any spelling of the URL. Throws `source_not_found`. */
export async function getSourceByKey(ctx: Ctx, organization: OrganizationId, key: string): Promise<Source> {
  if (!key.includes(':')) {
    return getSource(ctx, { organization, uid: key })
  }
  const spellings = /^(artifact|custom):\/\//.test(key) ? new Map() : readSpellings(key)
  const sources = await readAll(undefined, (page) => listSources(ctx, { organization, page }))
  const found = sources.find(({ url, vcs }) => url === (spellings.get(vcs) ?? key))
  if (found === undefined) {
    throw new DomainError('source_not_found')
  }
  return found
}

/**
 * How each system would store the URL. What is stored was allowed once; whether it would be now does not matter for finding it. Throws
 * `invalid_url` when it is a URL for none.
 */
function readSpellings(url: string): Map<VcsSystem, string> {
  const policy = { allowFile: true, allowHttp: true }
  const spellings = new Map([[parseSourceUrl(url, null, policy).vcs, parseSourceUrl(url, null, policy).canonical]])
  for (const system of VCS_SYSTEMS) {
    try {
      spellings.set(system, parseSourceUrl(url, system, policy).canonical)
    } catch {
      // It is no address for this system.
    }
  }
  return spellings
}

/** Reads a source with its numbers. Throws `source_not_found`. */
export async function readOutcome(ctx: Ctx, organization: OrganizationId, uid: string): Promise<SourceOutcome> {
  const source = await getSource(ctx, { organization, uid })
  const skipped = await listSkippedRefs(ctx, source)
  const own = (await readPackages(ctx, organization)).filter((found) => found.source === source.id)
  const packages = own.length
  const versions = own.map((found) => found.versions).reduce((sum, count) => sum + count, 0)
  const health = await getSourceHealth(ctx, source)
  return {
    source,
    health,
    now: ctx.now,
    packages,
    versions,
    skipped,
    document: { ...presentSource(source), ...presentHealth(health), packages, versions, skipped },
  }
}

/** What a sync brought, for people: numbers, and why refs were skipped. */
export function summarize({ packages, versions, skipped }: SourceOutcome, slug: string): string {
  const total = `${countOf(packages, 'package')} with ${countOf(versions, 'version')}, ${countOfSkipped(skipped)} skipped.`
  const reasons = new Map<string, number>()
  for (const { code } of skipped) {
    reasons.set(code, (reasons.get(code) ?? 0) + 1)
  }
  const lines = [...reasons].map(([code, count]) => `  ${String(count).padStart(4)}  ${toInert(code)}`)
  const hint = packages === 0 ? [] : [`See them with: repertoire package list ${slug}`]
  return [total, ...lines, ...hint].join('\n')
}

/** Everything about a source, for people. */
export function describeSource(
  { source, health, now, packages, versions, skipped }: SourceOutcome,
  width: number | null,
): string {
  const fields = formatFields([
    ['Source', source.uid],
    ['URL', source.url],
    ...(source.vcs === 'git' ? [] : [['System', source.vcs] as [string, string]]),
    ...(source.manifestGlobs === null ? [] : [['Manifests', parseManifestGlobs(source)?.join(', ') ?? ''] as [string, string]]),
    ...(source.refRules === 'composer' ? [] : [['Refs', 'read by their names alone'] as [string, string]]),
    ['Credential', describeCredential(health, now)],
    ...(health.pausedUntil === null ? [] : [['Not asked before', toMoment(health.pausedUntil)] as [string, string]]),
    ['State', source.state],
    ['Last sync', toMoment(source.syncedAt)],
    ['Problem', source.problem ?? '-'],
    ['Looked at every', describeInterval(source, now)],
    ['Hook', describeHookState(source)],
    ['Default branch', source.defaultBranch ?? '-'],
    ['Packages', String(packages)],
    ['Versions', String(versions)],
    ['Skipped', countOfSkipped(skipped)],
  ])
  const table = formatTable(
    ['KIND', 'REF', 'CODE', 'REASON'],
    skipped.map(({ kind, name, code, reason }) => [kind, name, code, reason]),
    width,
  )
  return skipped.length === 0 ? fields : `${fields}\n\n${table}`
}

/** The state of a credential in words. */
function describeCredential({ credential }: SourceHealth, now: number): string {
  if (credential === null) {
    return 'none'
  }
  const { state, addedAt, expiresAt } = credential
  const words = { works: 'works', refused: 'refused by the host', untried: 'not tried yet' }[state]
  const end = expiresAt === null ? '' : `, ${expiresAt <= now ? 'ended' : 'ends'} ${toMoment(expiresAt)}`
  return `${words}, since ${toMoment(addedAt)}${end}`
}

/** How the registry stands with the host of a source, for documents. Without the secret. */
function presentHealth({ credential, pausedUntil }: SourceHealth) {
  const shown =
    credential === null
      ? null
      : {
          kind: credential.kind,
          origin: credential.origin,
          state: credential.state,
          addedAt: toTimestamp(credential.addedAt),
          expiresAt: toTimestamp(credential.expiresAt),
        }
  return { credential: shown, pausedUntil: toTimestamp(pausedUntil) }
}

function describeInterval(source: Source, now: number): string {
  const interval = formatSyncInterval(syncInterval(source, now) / 1000)
  return source.syncInterval === null ? `${interval} (auto)` : interval
}

/** How the hook of a source does, in words. */
export function describeHookState({ hookedAt, hookSeenAt, hookMissedAt }: Source): string {
  if (hookedAt === null) {
    return 'none'
  }
  const seen = hookSeenAt === null ? 'nothing arrived yet' : `last told of a change ${toMoment(hookSeenAt)}`
  return isHookMissing({ hookSeenAt, hookMissedAt }) ? `hook missed: a change was found ${toMoment(hookMissedAt)}; ${seen}` : seen
}

/** Whether the last thing known of a hook is that it missed a change. */
function isHookMissing({ hookSeenAt, hookMissedAt }: Pick<Source, 'hookSeenAt' | 'hookMissedAt'>): boolean {
  return hookMissedAt !== null && hookMissedAt > (hookSeenAt ?? 0)
}

function countOfSkipped(skipped: readonly SkippedRefRow[]): string {
  return skipped.length < MAX_PAGE ? countOf(skipped.length, 'ref') : `${MAX_PAGE} refs or more`
}

/** A source for documents; without its credential. */
export function presentSource(source: Source) {
  return {
    uid: source.uid,
    kind: source.kind,
    vcs: source.kind === 'vcs' ? source.vcs : null,
    url: source.url,
    manifests: parseManifestGlobs(source),
    refs: source.refRules,
    id: source.id,
    path: source.path,
    visibility: source.visibility,
    hasCredential: source.credential !== null,
    state: source.state,
    defaultBranch: source.defaultBranch,
    problem: source.problemCode === null ? null : { code: source.problemCode, message: source.problem ?? '' },
    syncedAt: toTimestamp(source.syncedAt),
    intervalSeconds: source.syncInterval,
    hook: source.hookedAt === null ? null : presentHook(source),
    createdAt: toTimestamp(source.createdAt),
  }
}

function presentHook(source: Source) {
  const state = source.hookSeenAt === null ? 'waiting' : 'ok'
  return {
    state: isHookMissing(source) ? 'missed' : state,
    since: toTimestamp(source.hookedAt),
    seenAt: toTimestamp(source.hookSeenAt),
    missedAt: toTimestamp(source.hookMissedAt),
  }
}
