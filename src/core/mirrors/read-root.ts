import type { UpstreamRoot, UpstreamRootFile } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { Mirror } from './mirror.ts'
import { findMirror, writeRoot } from './mirrors.sql.ts'
import { requestAdvice } from './request-advice.ts'
import { replaceListing } from './upstream-packages.sql.ts'
import { fetchListing, fetchRoot, type FetchedRoot, type ListedPackage } from './upstream/index.ts'

/** A mirror with its root file; `file` is null when the root file did not change. */
export interface ReadRoot {
  mirror: Mirror & { root: UpstreamRoot }
  file: UpstreamRootFile | null
}

/**
 * Asks for the root file of a mirror and keeps it, and what it lists, in one transaction; advisories and filter lists that it newly names are read
 * soon. Throws `upstream_failed` and `upstream_paused`, and `mirror_not_found` when the mirror is gone.
 */
export async function readRoot(ctx: Ctx, mirror: Mirror): Promise<ReadRoot> {
  const fetched = await fetchRoot(ctx, mirror).catch((error: unknown) => {
    throw nameRoot(mirror, error)
  })
  const listed = fetched.kind === 'root' && isListed(fetched.root) ? await collectListing(ctx, mirror, fetched) : null
  await ctx.transaction(async (tx) => {
    await writeRoot(tx.db, mirror.id, { read: fetched.kind === 'root' ? fetched : null, at: ctx.clock.now() })
    if (listed !== null) {
      await replaceListing(tx.db, mirror.id, listed)
      await tx.record({ type: 'mirror.listed', organization: mirror.organization, source: mirror.id, packages: listed.length })
    }
    if (fetched.kind === 'root') {
      await requestAdvice(tx, { before: mirror.root, root: fetched.root })
    }
    await tx.record({ type: 'mirror.read', organization: mirror.organization, source: mirror.id })
  })
  const current = await findMirror(ctx.db, mirror.id)
  if (current === null || current.root === null) {
    throw new DomainError('mirror_not_found')
  }
  return { mirror: { ...current, root: current.root }, file: fetched.kind === 'root' ? fetched : null }
}

/** A status by itself says little where it is read later; PR-704 wants it in these words. */
function nameRoot({ url }: Mirror, error: unknown): unknown {
  const status = isDomainError(error, 'upstream_failed') ? Number(error.details['status'] ?? 0) : 0
  if (!isDomainError(error) || status === 0) {
    return error
  }
  const problem = `Failed to fetch packages.json from ${url}: HTTP ${status}`
  return new DomainError('upstream_failed', { ...error.details, problem }, error)
}

/** Whether packages are found in what the upstream lists, rather than by asking for each. */
export function isListed({ protocol, hasPackages }: UpstreamRoot): boolean {
  return hasPackages || protocol.kind === 'inline' || protocol.kind === 'providers'
}

async function collectListing(ctx: Ctx, mirror: Mirror, file: FetchedRoot): Promise<ListedPackage[]> {
  const listed: ListedPackage[] = []
  for await (const one of fetchListing(ctx, mirror, file)) {
    listed.push(one)
  }
  return listed
}
