import { expandDistUrl } from '../mirror-url.ts'
import type { JsonObject, JsonValue } from '../manifest/json.ts'
import { asObject, field, scalarText } from '../manifest/php-values.ts'
import type { UpstreamDist, UpstreamVersion } from './upstream-version.ts'

const LONGEST_URL = 4_000
const LONGEST_REFERENCE = 255
const SOURCE_TYPES = ['git', 'svn', 'hg', 'fossil', 'perforce']
const SOURCE_SCHEMES = ['https:', 'http:', 'ssh:', 'git:', 'svn:', 'svn+ssh:']
const SECURE_SHELL = /^[a-z0-9_][a-z0-9_.-]*@[a-z0-9][a-z0-9.-]*:(?!-)[^:]+$/i

/** What of a version the placeholders of an address stand for. */
export interface DescribedOrigin {
  name: string
  version: string
  normalized: string
  /** What relative addresses are relative to. */
  baseUrl: string
}

/**
 * The archive of a version (contract §3.1): only `zip` and `tar` over http or https, placeholders replaced, relative addresses made absolute,
 * and without user or password (abuse 35). Null for anything else.
 */
export function readUpstreamDist(value: JsonValue | undefined, about: DescribedOrigin): UpstreamDist | null {
  const dist = asObject(value)
  if (dist === null) return null
  const type = field(dist, 'type')
  const written = field(dist, 'url')
  if ((type !== 'zip' && type !== 'tar') || typeof written !== 'string' || written === '') return null
  const reference = readReference(dist)
  const { name, normalized, version, baseUrl } = about
  const expanded = expandDistUrl(written, { packageName: name, version: normalized, prettyVersion: version, reference, type })
  const url = toHttpUrl(expanded, baseUrl)
  if (url === null) return null
  const shasum = field(dist, 'shasum')
  const isChecksum = typeof shasum === 'string' && /^[0-9a-f]{40}$/i.test(shasum)
  return { type, url, reference, shasum: isChecksum ? shasum.toLowerCase() : null }
}

/**
 * The source of a version: complete, of a system that Composer knows, nothing that a command line would take for an option, no path of the upstream's
 * own machine, and no password. Null for anything else.
 */
export function readUpstreamSource(value: JsonValue | undefined): UpstreamVersion['source'] {
  const source = asObject(value)
  if (source === null) return null
  const type = field(source, 'type')
  const url = field(source, 'url')
  const reference = readReference(source)
  if (typeof type !== 'string' || !SOURCE_TYPES.includes(type) || typeof url !== 'string' || reference === null) return null
  const shown = toSourceUrl(url)
  return shown === null ? null : { type, url: shown, reference }
}

function readReference(origin: JsonObject): string | null {
  const text = scalarText(field(origin, 'reference'))
  if (text === null || text === '' || text.length > LONGEST_REFERENCE) return null
  return /^-|[\p{Cc}\s]/u.test(text) || !text.isWellFormed() ? null : text
}

function toHttpUrl(text: string, baseUrl: string): string | null {
  const url = parseUrl(text, baseUrl)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  return withoutUser(url)
}

function toSourceUrl(text: string): string | null {
  if (text.length <= LONGEST_URL && SECURE_SHELL.test(text)) return text
  const url = parseUrl(text, undefined)
  if (url === null || !SOURCE_SCHEMES.includes(url.protocol) || text.includes('::') || url.hostname.startsWith('-')) return null
  if (url.password === '' && (url.username === '' || /^(?:svn\+)?ssh:$/.test(url.protocol))) return text
  return withoutUser(url)
}

function parseUrl(text: string, baseUrl: string | undefined): URL | null {
  if (text.length > LONGEST_URL || /[\p{Cc}\s\\]/u.test(text)) return null
  return URL.parse(text, baseUrl)
}

function withoutUser(url: URL): string {
  url.username = ''
  url.password = ''
  return url.href
}
