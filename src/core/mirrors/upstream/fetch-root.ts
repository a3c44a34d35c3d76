import { parseUpstreamRoot, type UpstreamRootFile } from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import type { Mirror } from '../mirror.ts'
import { fetchRequired, unusable } from './fetch-document.ts'
import type { UpstreamHost } from './request-upstream.ts'
import { toRootUrl } from './upstream-addresses.ts'

/** A root file that was fetched, with its validators as the upstream sent them. */
export interface FetchedRoot extends UpstreamRootFile {
  kind: 'root'
  modified: string | null
  etag: string | null
}

/** Bytes of a root file. Those of large repositories have lists of names, or all packages. */
const LARGEST_ROOT = 64 * 1_048_576

/**
 * Fetches the root file of a mirror, conditionally when it was read before. Throws `upstream_failed`, also when there is none or when it makes no
 * sense, and `upstream_paused`.
 */
export async function fetchRoot(
  ctx: Ctx,
  mirror: UpstreamHost & Pick<Mirror, 'root' | 'rootModified' | 'rootEtag'>,
): Promise<{ kind: 'unchanged' } | FetchedRoot> {
  const url = toRootUrl(mirror.url)
  // Without the root file at hand its validators are of no use.
  const known = mirror.root === null ? null : { modified: mirror.rootModified, etag: mirror.rootEtag, sha256: null }
  const fetched = await fetchRequired(ctx, mirror, { url, known, maxBytes: LARGEST_ROOT })
  if (fetched.kind === 'unchanged') {
    return fetched
  }
  const parsed = parseUpstreamRoot(fetched.text, url)
  if (parsed.kind === 'unusable') {
    throw unusable(url, parsed.problem)
  }
  return { ...parsed, modified: fetched.modified, etag: fetched.etag }
}
