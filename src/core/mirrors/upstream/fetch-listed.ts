import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { UpstreamProtocol, UpstreamRoot } from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError, isDomainError } from '../../kernel/errors.ts'
import { fetchDocument, type FetchedDocument } from './fetch-document.ts'
import { fetchListing, type ListedPackage } from './fetch-listing.ts'
import type { AskedMirror, PackageRequest } from './fetch-package.ts'
import { fetchRoot } from './fetch-root.ts'
import { findListed } from './listed-packages.sql.ts'
import { toPackageUrl } from './upstream-addresses.ts'

type Listed = Pick<ListedPackage, 'sha256' | 'body'>

/**
 * A package of an upstream that lists what it has: from the list as it was stored, and where that does not have it, or names a file that is not there any
 * more, from the list as it is now. Null when the upstream does not list the name.
 */
export async function fetchListed(
  ctx: Ctx,
  mirror: AskedMirror,
  request: PackageRequest,
): Promise<{ kind: 'unchanged' } | FetchedDocument | null> {
  const stored = await findListed(ctx.db, mirror.id, request.name)
  if (stored !== null) {
    const fetched = await followListed(ctx, mirror, { ...request, listed: stored }).catch((error: unknown) => {
      if (stored.sha256 === null || !isDomainError(error, 'upstream_failed') || isTrouble(error)) {
        throw error
      }
      return null
    })
    if (fetched !== null) {
      return fetched
    }
  }
  if (stored === null && mirror.root?.protocol.kind === 'metadata') {
    // Partial packages are few and seldom change, and every other package would ask for the root file first.
    return null
  }
  const current = await findCurrent(ctx, mirror, request.name)
  if (current === 'as before') {
    return stored === null ? null : followListed(ctx, mirror, { ...request, listed: stored })
  }
  const { root, listed } = current
  return listed === null ? null : followListed(ctx, { ...mirror, root }, { ...request, listed })
}

/** A refusal or an outage says nothing about the list; a missing file or another checksum may. */
function isTrouble(error: DomainError): boolean {
  const status = Number(error.details['status'] ?? 0)
  return status !== 0 && status !== 404
}

async function followListed(
  ctx: Ctx,
  mirror: AskedMirror,
  { name, known, maxBytes, listed }: PackageRequest & { listed: Listed },
): Promise<{ kind: 'unchanged' } | FetchedDocument> {
  const { sha256, body } = listed
  if (body !== null) {
    const digest = createHash('sha256').update(body).digest('hex')
    const isKnown = known?.stable.sha256 === digest
    return isKnown ? { kind: 'unchanged' } : { kind: 'document', text: body, modified: null, etag: null, sha256: digest }
  }
  if (sha256 !== null && known?.stable.sha256 === sha256) {
    return { kind: 'unchanged' }
  }
  const protocol = requireProviders(mirror.root)
  const url = toPackageUrl(protocol.url, { name, hash: sha256 ?? '' })
  const checksum = sha256 === null ? null : ({ algorithm: 'sha256', hex: sha256 } as const)
  const fetched = await fetchDocument(ctx, mirror, { url, checksum, maxBytes })
  if (fetched.kind === 'absent') {
    throw new DomainError('upstream_failed', { problem: `${url} is listed and does not exist`, status: 404 })
  }
  return fetched
}

function requireProviders(root: UpstreamRoot | null): Extract<UpstreamProtocol, { kind: 'providers' }> {
  if (root?.protocol.kind !== 'providers') {
    throw new DomainError('upstream_failed', { problem: 'its list does not belong to its root file' })
  }
  return root.protocol
}

/** What the upstream lists of a name at this moment, with its root file; `as before` when that did not change. */
async function findCurrent(
  ctx: Ctx,
  mirror: AskedMirror,
  name: string,
): Promise<'as before' | { root: UpstreamRoot; listed: Listed | null }> {
  const fetched = await fetchRoot(ctx, mirror)
  if (fetched.kind === 'unchanged' || (!fetched.root.hasPackages && isDeepStrictEqual(fetched.root, mirror.root))) {
    return 'as before'
  }
  const { root } = fetched
  for await (const listed of fetchListing(ctx, mirror, fetched)) {
    if (listed.name === name) {
      return { root, listed }
    }
  }
  return { root, listed: null }
}
