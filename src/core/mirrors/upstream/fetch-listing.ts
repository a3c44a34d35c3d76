import {
  readUpstreamListing,
  toUpstreamBody,
  type UpstreamFile,
  type UpstreamListing,
  type UpstreamRootFile,
} from '../../../composer/index.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'
import { fetchRequired, unusable } from './fetch-document.ts'
import type { UpstreamHost } from './request-upstream.ts'
import { toRootUrl } from './upstream-addresses.ts'

/** A package that an upstream lists: with the checksum of its file, or with its versions as a document for `upstream_packages.body`. */
export interface ListedPackage {
  name: string
  sha256: string | null
  body: string | null
}

/** Bounds of what an upstream may list: files, levels of files that name files, bytes of all of them, and names. */
const MOST_FILES = 500
const MOST_LEVELS = 5
const MOST_BYTES = 192 * 1_048_576
const MOST_NAMES = 1_000_000

/**
 * All packages that the root file and the lists and includes below it name, each once; versions that several files have of a package are put
 * together. For repositories of the kind `metadata` these are the partial packages of the root file. Checksums are verified, and files that name
 * each other in a circle are refused. Throws `upstream_failed` and `upstream_paused` before the first package is given: a listing that
 * could not be read to its end is none.
 */
export async function* fetchListing(ctx: Ctx, mirror: UpstreamHost, file: UpstreamRootFile): AsyncGenerator<ListedPackage> {
  const { protocol } = file.root
  const collected: Collected = { providers: new Map(), packages: new Map(), seen: new Set(), bytes: 0 }
  collect(collected, file)
  if (protocol.kind === 'providers') {
    await follow(ctx, mirror, { collected, files: protocol.lists, key: 'lists', ancestors: [] })
  }
  if (protocol.kind === 'inline') {
    await follow(ctx, mirror, { collected, files: protocol.includes, key: 'includes', ancestors: [] })
  }
  for (const [name, versions] of collected.packages) {
    yield { name, sha256: null, body: toUpstreamBody(name, versions) }
    // What was given is not needed any more; all packages of a large repository at once are a lot.
    collected.packages.set(name, [])
  }
  for (const [name, sha256] of collected.providers) {
    if (!collected.packages.has(name)) {
      yield { name, sha256, body: null }
    }
  }
}

interface Collected {
  providers: Map<string, string>
  packages: Map<string, unknown[]>
  seen: Set<string>
  bytes: number
}

interface Following {
  collected: Collected
  files: readonly UpstreamFile[]
  key: 'lists' | 'includes'
  /** The files that led here. */
  ancestors: readonly string[]
}

async function follow(ctx: Ctx, mirror: UpstreamHost, { collected, files, key, ancestors }: Following): Promise<void> {
  for (const { url, checksum } of files) {
    if (ancestors.includes(url) || ancestors.length >= MOST_LEVELS) {
      throw unusable(
        url,
        ancestors.includes(url) ? 'it leads to itself' : `files name files more than ${MOST_LEVELS} times in a row`,
      )
    }
    if (collected.seen.has(url)) {
      continue
    }
    collected.seen.add(url)
    if (collected.seen.size > MOST_FILES) {
      throw unusable(url, `there are more than ${MOST_FILES} such files`)
    }
    const listing = await fetchOne(ctx, mirror, { url, checksum, collected })
    collect(collected, listing)
    await follow(ctx, mirror, { collected, files: listing[key], key, ancestors: [...ancestors, url] })
  }
}

async function fetchOne(
  ctx: Ctx,
  mirror: UpstreamHost,
  { url, checksum, collected }: UpstreamFile & { collected: Collected },
): Promise<UpstreamListing> {
  const fetched = await fetchRequired(ctx, mirror, { url, checksum, maxBytes: Math.max(MOST_BYTES - collected.bytes, 1) })
  if (fetched.kind === 'unchanged') {
    throw new DomainError('upstream_failed', { problem: `${url} was not sent` })
  }
  collected.bytes += fetched.text.length
  const listing = readUpstreamListing(fetched.text, toRootUrl(mirror.url))
  if (listing.kind === 'unusable') {
    throw unusable(url, listing.problem)
  }
  return listing
}

function collect({ providers, packages }: Collected, listing: Pick<UpstreamListing, 'packages' | 'providers'>): void {
  for (const [name, sha256] of listing.providers) {
    if (!providers.has(name)) {
      providers.set(name, sha256)
    }
  }
  for (const [name, versions] of listing.packages) {
    const items: unknown[] = typeof versions === 'object' && versions !== null ? Object.values(versions) : []
    packages.set(name, [...(packages.get(name) ?? []), ...items])
  }
  if (providers.size + packages.size > MOST_NAMES) {
    throw new DomainError('upstream_failed', { problem: `it lists more than ${MOST_NAMES} packages` })
  }
}
