import { createHash } from 'node:crypto'

/** The version that a dist URL is built for. */
export interface DistUrlInput {
  readonly packageName: string
  /** The normalised version. */
  readonly version: string
  /** The version as it is shown; null leaves `%prettyVersion%` in place, as clients before 2.1 do. */
  readonly prettyVersion: string | null
  readonly reference: string | null
  readonly type: string | null
}

/** The source that a mirror URL is built for. */
export interface SourceUrlInput {
  readonly packageName: string
  readonly sourceUrl: string
  readonly type: string
}

const HEX_OR_PLACEHOLDER = /^(?:[a-f0-9]*|%reference%)$/
const GITHUB = /^(?:(?:https?|git):\/\/github\.com\/|git@github\.com:)([^/]+)\/(.+)$/
const BITBUCKET = /^https:\/\/bitbucket\.org\/([^/]+)\/(.+)$/

/**
 * The URL that a client asks a dist mirror for (CO-081, CO-082, CO-107, contract §3.4): references that are not
 * lower-case hex and versions with a slash appear as their MD5. Placeholders are replaced one after the other, as
 * clients do, so one that comes in by a value is replaced by a later step.
 */
export function expandMirrorUrl(template: string, input: DistUrlInput): string {
  const withNames = template
    .replaceAll('%package%', () => input.packageName)
    .replaceAll('%version%', () => pathSafeVersion(input.version))
    .replaceAll('%reference%', () => hexReference(input.reference ?? ''))
    .replaceAll('%type%', () => input.type ?? '')
  const { prettyVersion } = input
  return prettyVersion === null ? withNames : withNames.replaceAll('%prettyVersion%', () => prettyVersion)
}

/** Replaces the placeholders that `dist.url` itself may hold (contract §3.1); the rules are those of a mirror template. */
export function expandDistUrl(url: string, input: DistUrlInput): string {
  return url.includes('%') ? expandMirrorUrl(url, input) : url
}

/** The URL that a client clones from when a repository offers a `git-url` or `hg-url` mirror (CO-107, contract §3.4). */
export function expandSourceMirrorUrl(template: string, input: SourceUrlInput): string {
  return template
    .replaceAll('%package%', () => input.packageName)
    .replaceAll('%normalizedUrl%', () => normalizeSourceUrl(input.sourceUrl))
    .replaceAll('%type%', () => input.type)
}

/** The reference as it appears in mirror URLs; a server compares this with what it is asked for. */
export function hexReference(reference: string): string {
  return HEX_OR_PLACEHOLDER.test(reference) ? reference : md5(reference)
}

/** The normalised version as it appears in mirror URLs; a server compares this with what it is asked for. */
export function pathSafeVersion(version: string): string {
  return version.includes('/') ? md5(version) : version
}

function normalizeSourceUrl(url: string): string {
  const github = GITHUB.exec(url)
  if (github !== null) return `gh-${github[1] ?? ''}/${(github[2] ?? '').replace(/(?<=.)\.git$/, '')}`
  const bitbucket = BITBUCKET.exec(url)
  if (bitbucket !== null)
    return `bb-${bitbucket[1] ?? ''}/${(bitbucket[2] ?? '').replace(/(?<=.)\/$/, '').replace(/(?<=.)\.git$/, '')}`
  return trimSlashes(url).replace(/[^a-z0-9_.-]/gi, '-')
}

function trimSlashes(url: string): string {
  let start = 0
  let end = url.length
  while (start < end && url.charAt(start) === '/') start++
  while (end > start && url.charAt(end - 1) === '/') end--
  return url.slice(start, end)
}

/** MD5 is what the protocol prescribes; it only shortens text here and protects nothing. */
function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
