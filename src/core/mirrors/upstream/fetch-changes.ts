import { readUpstreamChanges, type UpstreamRoot } from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { fetchRequired, unusable } from './fetch-document.ts'
import type { UpstreamHost } from './request-upstream.ts'

/**
 * What a feed of changes said; names are in lower case and without `~dev`, each once. `times` are those of files in Unix seconds, by the name of the package
 * or with `~dev`. `next` is where the next look begins.
 */
export type UpstreamChanges =
  | { kind: 'start'; next: string }
  | { kind: 'resync'; next: string }
  | { kind: 'changes'; updated: string[]; deleted: string[]; times: ReadonlyMap<string, number>; next: string }

const LARGEST_FEED = 64 * 1_048_576

/**
 * Asks what changed since `since`; null begins. Null when the upstream has no feed. A feed that does not know the place any more says `resync`. Throws
 * `upstream_failed` and `upstream_paused`.
 */
export async function fetchChanges(
  ctx: Ctx,
  mirror: UpstreamHost,
  { root, since }: { root: UpstreamRoot; since: string | null },
): Promise<UpstreamChanges | null> {
  if (root.changesUrl === null) {
    return null
  }
  const url = new URL(root.changesUrl)
  if (since !== null) {
    url.searchParams.set('since', since)
  }
  // Without a place to begin at, and with one that is no longer known, 400 says where to begin (contract composer.md §7.4).
  const fetched = await fetchRequired(ctx, mirror, { url: url.href, maxBytes: LARGEST_FEED, accepts: [400] })
  const changes = fetched.kind === 'document' ? readUpstreamChanges(fetched.text) : null
  if (changes === null || changes.kind === 'unusable') {
    throw unusable(url.href, changes?.problem ?? 'it was not sent')
  }
  if (since === null) {
    return { kind: 'start', next: changes.next }
  }
  return changes.kind === 'start' ? { kind: 'resync', next: changes.next } : changes
}
