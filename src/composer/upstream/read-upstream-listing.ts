import type { JsonObject } from '../manifest/json.ts'
import { asObject, field, lowerAscii } from '../manifest/php-values.ts'
import { MINIFIED_MARKER, minifyVersions } from '../minify.ts'
import { MAX_PACKAGE_NAME_LENGTH } from '../names.ts'
import type { UpstreamFile } from './upstream-root.ts'
import { toUpstreamUrl } from './upstream-url.ts'

/** What a root file, a list of providers or an include holds of packages itself, and the files that hold more. */
export interface UpstreamListing {
  /** Lower-case name to versions as they are written. */
  packages: ReadonlyMap<string, unknown>
  /** Lower-case name to the SHA-256 of its file, in lower case. */
  providers: ReadonlyMap<string, string>
  /** Further lists of providers (`provider-includes`), which may name further ones. */
  lists: readonly UpstreamFile[]
  /** Further files of packages (`includes`). */
  includes: readonly UpstreamFile[]
}

/** The outcome of `readUpstreamListing`. */
export type ReadUpstreamListing = ({ kind: 'listing' } & UpstreamListing) | { kind: 'unusable'; problem: string }

/**
 * Reads a list of providers or an include (contract §4.1, §4.3); `rootUrl` is that of the root file, which the names of further files are
 * relative to. Never throws.
 */
export function readUpstreamListing(body: string, rootUrl: string): ReadUpstreamListing {
  const document = parseObject(body)
  return document === null
    ? { kind: 'unusable', problem: 'it is no JSON object' }
    : { kind: 'listing', ...toListing(document, rootUrl) }
}

/** The JSON object that a text is, or null. */
export function parseObject(body: string): JsonObject | null {
  try {
    const value = JSON.parse(body) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null
  } catch {
    return null
  }
}

/** What a decoded file lists. Names that could not be asked for, and files without an address, are left out. */
export function toListing(document: JsonObject, rootUrl: string): UpstreamListing {
  const packages = new Map<string, unknown>()
  for (const [name, versions] of entriesOf(document, 'packages')) {
    if (isName(name) && typeof versions === 'object' && versions !== null) packages.set(lowerAscii(name), versions)
  }
  const providers = new Map<string, string>()
  for (const [name, value] of entriesOf(document, 'providers')) {
    const sha256 = toHex(value, 'sha256')
    if (isName(name) && sha256 !== null) providers.set(lowerAscii(name), sha256)
  }
  return {
    packages,
    providers,
    lists: readFiles(document, { key: 'provider-includes', algorithm: 'sha256', rootUrl }),
    includes: readFiles(document, { key: 'includes', algorithm: 'sha1', rootUrl }),
  }
}

/** The versions of one package as a document of its own, minified (contract §2.4), which `readUpstreamVersions` reads as `any`. */
export function toUpstreamBody(name: string, versions: unknown): string {
  const items: unknown[] = typeof versions === 'object' && versions !== null ? Object.values(versions) : []
  const complete = items.filter((item) => typeof item === 'object' && item !== null && !Array.isArray(item)) as JsonObject[]
  return JSON.stringify({ minified: MINIFIED_MARKER, packages: { [name]: minifyVersions(complete) } })
}

function entriesOf(document: JsonObject, key: string): [string, unknown][] {
  return Object.entries(asObject(field(document, key)) ?? {})
}

function isName(name: string): boolean {
  return name.length <= MAX_PACKAGE_NAME_LENGTH && !/[\p{Cc}\s%?#\\]/u.test(name)
}

const DIGITS = { sha1: 40, sha256: 64 }

function toHex(value: unknown, algorithm: 'sha1' | 'sha256'): string | null {
  const written = asObject(value as JsonObject)
  const hex = written === null ? undefined : field(written, algorithm)
  return typeof hex === 'string' && /^[0-9a-f]+$/i.test(hex) && hex.length === DIGITS[algorithm] ? hex.toLowerCase() : null
}

function readFiles(
  document: JsonObject,
  { key, algorithm, rootUrl }: { key: string; algorithm: 'sha1' | 'sha256'; rootUrl: string },
): UpstreamFile[] {
  const files: UpstreamFile[] = []
  for (const [name, value] of entriesOf(document, key)) {
    const hex = toHex(value, algorithm)
    // Clients append these names to the address of the repository, also one that begins with a slash.
    const url = toUpstreamUrl(`./${name.replace(/^\/+/, '').replace('%hash%', hex ?? '')}`, rootUrl)
    if (url !== null) files.push({ url, checksum: hex === null ? null : { algorithm, hex } })
  }
  return files
}
