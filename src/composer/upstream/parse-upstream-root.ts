import type { JsonObject } from '../manifest/json.ts'
import { asObject, field, isEmptyValue, lowerAscii } from '../manifest/php-values.ts'
import { parseObject, toListing, type UpstreamListing } from './read-upstream-listing.ts'
import type { UpstreamProtocol, UpstreamRoot } from './upstream-root.ts'
import { toUpstreamUrl } from './upstream-url.ts'

/** What a root file says: what is kept of it, and the packages and checksums that it holds itself. */
export interface UpstreamRootFile extends Pick<UpstreamListing, 'packages' | 'providers'> {
  root: UpstreamRoot
}

/** The outcome of `parseUpstreamRoot`. */
export type ReadUpstreamRoot = ({ kind: 'root' } & UpstreamRootFile) | { kind: 'unusable'; problem: string }

/** Lists that clients drop by their names (contract §1.7). */
const DROPPED_LIST =
  /^(?:advisories|abandoned|cooldown|ignore.*|packages?|licen[sc]es?|support|maintenance|security|minimum-release-age)$/

/**
 * Reads the root file of a Composer repository of any shape (contract §1); `url` is the address that it was asked for at. Where several protocols
 * are offered the newest one is chosen, as clients do. Never throws.
 */
export function parseUpstreamRoot(body: string, url: string): ReadUpstreamRoot {
  const document = parseObject(body)
  if (document === null) return { kind: 'unusable', problem: 'it is no JSON object' }
  const listing = toListing(document, url)
  const protocol = findProtocol(document, { url, listing })
  if ('problem' in protocol) return { kind: 'unusable', ...protocol }
  const { packages, providers } = listing
  const isMetadata = protocol.kind === 'metadata'
  const root: UpstreamRoot = {
    protocol,
    available: isMetadata ? readAvailable(document) : null,
    hasPackages: packages.size > 0,
    changesUrl: toUpstreamUrl(field(document, 'metadata-changes-url'), url),
    listUrl: toUpstreamUrl(field(document, 'list'), url),
    advisories: isMetadata ? readAdvisories(document, url) : null,
    filter: isMetadata ? readFilter(document, url) : null,
  }
  return { kind: 'root', root, packages, providers: protocol.kind === 'providers' ? providers : new Map() }
}

function findProtocol(
  document: JsonObject,
  { url, listing }: { url: string; listing: UpstreamListing },
): UpstreamProtocol | { problem: string } {
  if (field(document, 'metadata-url') !== undefined) {
    const template = readTemplate(document, { key: 'metadata-url', url })
    return template === null ? { problem: 'its "metadata-url" cannot be used' } : { kind: 'metadata', url: template }
  }
  const lazyUrl = readTemplate(document, { key: 'providers-lazy-url', url })
  const providersUrl = readTemplate(document, { key: 'providers-url', url })
  if (providersUrl !== null && (listing.lists.length > 0 || listing.providers.size > 0)) {
    return { kind: 'providers', url: providersUrl, lists: listing.lists, lazyUrl }
  }
  if (lazyUrl !== null) return { kind: 'lazy', url: lazyUrl }
  const isInline = ['packages', 'includes'].some((key) => typeof field(document, key) === 'object')
  return isInline
    ? { kind: 'inline', includes: listing.includes }
    : { problem: 'it has neither packages nor a way to ask for them ("metadata-url")' }
}

function readTemplate(document: JsonObject, { key, url }: { key: string; url: string }): string | null {
  const template = toUpstreamUrl(field(document, key), url)
  return template?.includes('%package%') === true ? template : null
}

/** Two empty lists say nothing (contract §1.3). */
function readAvailable(document: JsonObject): UpstreamRoot['available'] {
  const names = readNames(document, 'available-packages')
  const patterns = readNames(document, 'available-package-patterns')
  return names.length === 0 && patterns.length === 0 ? null : { names, patterns }
}

function readNames(document: JsonObject, key: string): string[] {
  const written = Object.values(asListOrMap(field(document, key)))
  return [...new Set(written.filter((name) => typeof name === 'string' && name !== '').map((name) => lowerAscii(name as string)))]
}

function asListOrMap(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function readAdvisories(document: JsonObject, url: string): UpstreamRoot['advisories'] {
  const written = asObject(field(document, 'security-advisories'))
  if (written === null || isEmptyValue(written)) return null
  const metadata = field(written, 'metadata') === true
  const apiUrl = toUpstreamUrl(field(written, 'api-url'), url)
  return metadata || apiUrl !== null ? { metadata, apiUrl } : null
}

/** Clients look at filter lists only where metadata has them (contract §1.7). */
function readFilter(document: JsonObject, url: string): UpstreamRoot['filter'] {
  const written = asObject(field(document, 'filter'))
  if (written === null || field(written, 'metadata') !== true) return null
  const lists: string[] = []
  for (const [name, value] of Object.entries(asObject(field(written, 'lists')) ?? {})) {
    const list = asObject(value)
    if (list !== null && field(list, 'enabled') === true && !DROPPED_LIST.test(name)) lists.push(name)
  }
  return {
    lists,
    summaryUrl: toUpstreamUrl(field(written, 'summary-url'), url),
    apiUrl: toUpstreamUrl(field(written, 'api-url'), url),
  }
}
