import type { UpstreamRoot, UpstreamRootFile } from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import type { Mirror } from '../mirror.ts'
import { fetchRequired, unusable } from './fetch-document.ts'
import { fetchListing } from './fetch-listing.ts'
import { selectListedNames } from './listed-packages.sql.ts'
import type { UpstreamHost } from './request-upstream.ts'

const LARGEST_LIST = 64 * 1_048_576

/**
 * Whether an upstream says completely what it has, so that all of it may be taken (PR-701). A bare `list` is not enough: what has one and no
 * limits is a registry of the whole world.
 */
export function canTakeAll({ protocol, available, listUrl }: UpstreamRoot): boolean {
  switch (protocol.kind) {
    case 'metadata':
      return available !== null && (available.patterns.length === 0 || listUrl !== null)
    case 'providers':
      return protocol.lazyUrl === null
    case 'inline':
      return true
    case 'lazy':
      return false
  }
}

/**
 * The lower-case names of all packages that an upstream has, or null when it does not say. `file` is the root file when it was just fetched;
 * null takes what is stored of it and of the lists below it. Throws `upstream_failed` and `upstream_paused`.
 */
export async function fetchNames(
  ctx: Ctx,
  mirror: UpstreamHost & Pick<Mirror, 'root'>,
  file: UpstreamRootFile | null,
): Promise<string[] | null> {
  const root = file?.root ?? mirror.root
  if (root === null || root.protocol.kind === 'lazy') {
    return null
  }
  if (root.protocol.kind !== 'metadata') {
    return file === null ? selectListedNames(ctx.db, mirror.id) : listNames(ctx, mirror, file)
  }
  const partial = file === null ? await selectListedNames(ctx.db, mirror.id) : [...file.packages.keys()]
  if (root.available !== null && root.available.patterns.length === 0) {
    return [...new Set([...root.available.names, ...partial])]
  }
  return root.listUrl === null ? null : [...new Set([...(await fetchList(ctx, mirror, root.listUrl)), ...partial])]
}

async function listNames(ctx: Ctx, mirror: UpstreamHost, file: UpstreamRootFile): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of fetchListing(ctx, mirror, file)) {
    names.push(name)
  }
  return names
}

async function fetchList(ctx: Ctx, mirror: UpstreamHost, url: string): Promise<string[]> {
  const fetched = await fetchRequired(ctx, mirror, { url, maxBytes: LARGEST_LIST })
  const names = fetched.kind === 'document' ? readList(fetched.text) : null
  if (names === null) {
    throw unusable(url, 'it has no "packageNames"')
  }
  return names
}

function readList(text: string): string[] | null {
  try {
    const document = JSON.parse(text) as { packageNames?: unknown } | null
    const names = document?.packageNames
    return Array.isArray(names)
      ? names.filter((name) => typeof name === 'string').map((name: string) => name.toLowerCase())
      : null
  } catch {
    return null
  }
}
