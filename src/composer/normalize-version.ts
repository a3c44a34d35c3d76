import { trimAscii } from './trim-ascii.ts'

/** No version, tag or branch name longer than this is accepted; git itself stops at 255 bytes per path segment. */
export const MAX_VERSION_LENGTH = 512

/** The normalised form that stands for "the newest of the default branch"; above every released version. */
export const DEFAULT_BRANCH_ALIAS = '9999999-dev'

/**
 * The optional suffix of a version: a stability word with a number, and `dev`. Three groups: word, number, dev. The
 * digits are matched one by one because a repeated group of digit runs would backtrack exponentially.
 */
export const MODIFIER = String.raw`[._-]?(?:(stable|beta|b|rc|alpha|a|patch|pl|p)((?:[.-]?\d)*)?)?([.-]?dev)?`

/** Thrown by `normalizeVersion`; `input` holds the text that was refused. */
export class InvalidVersion extends Error {
  readonly input: string

  constructor(input: string) {
    super(`Invalid version string "${input.slice(0, MAX_VERSION_LENGTH)}"`)
    this.name = 'InvalidVersion'
    this.input = input
  }
}

const ALIASED = /^([^,\t\n\v\f\r ]+) +as +[^,\t\n\v\f\r ]+$/
const STABILITY_FLAG = /@(?:stable|rc|beta|alpha|dev)$/i
const BUILD_METADATA = /^([^,\t\n\v\f\r +]+)\+[^\t\n\v\f\r ]+$/
const CLASSICAL = new RegExp(String.raw`^v?(\d{1,5})(\.\d+)?(\.\d+)?(\.\d+)?${MODIFIER}$`, 'i')
const DATED = new RegExp(String.raw`^v?(\d{4}(?:[.:-]?\d{2}){1,6}(?:[.:-]?\d{1,3}){0,2})${MODIFIER}$`, 'i')
const NUMERIC_BRANCH = /^v?(\d+)(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?(\.(?:\d+|[x*]))?$/i
const NUMERIC_DEV_VERSION = /^((?:\d+\.)*\d+)(?:\.x)?-dev$/i
const NEWEST_PARTS = /(?:\.9{7})+/g

/**
 * Brings a tag or a `version` field into the form that Composer compares and stores (CO-100, contract §5.1).
 * Throws `InvalidVersion` when the text is not a version.
 */
export function normalizeVersion(version: string): string {
  const normalized = tryNormalizeVersion(version)
  if (normalized === null) throw new InvalidVersion(version)
  return normalized
}

/** Like `normalizeVersion`, with null for text that is not a version. */
export function tryNormalizeVersion(version: string): string | null {
  if (version.length > MAX_VERSION_LENGTH) return null
  const text = withoutAliasAndFlag(trimAscii(version))
  if (text === 'master' || text === 'trunk' || text === 'default') return `dev-${text}`
  if (/^dev-/i.test(text)) return `dev-${text.slice(4)}`
  const core = BUILD_METADATA.exec(text)?.[1] ?? text
  return normalizeNumbered(core) ?? normalizeNumericDev(core)
}

/** Normalises a branch name (CO-101, contract §5.3): four numeric parts and `-dev`, or `dev-` and the name as it is. */
export function normalizeBranch(name: string): string {
  const trimmed = trimAscii(name)
  const match = NUMERIC_BRANCH.exec(trimmed)
  if (match === null) return `dev-${trimmed}`
  let normalized = match[1] ?? ''
  for (const part of match.slice(2, 5)) normalized += `.${newestWhenWild(part)}`
  return `${normalized}-dev`
}

/** True when a normalised version denotes a branch that has a place among the released versions, as `1.x-dev` has. */
export function isNumericBranch(normalizedVersion: string): boolean {
  return normalizedVersion.endsWith('-dev') && !normalizedVersion.startsWith('dev-')
}

/** The numeric prefix of a numeric dev version with a closing dot (`1.2.x-dev` → `1.2.`), null for any other text. */
export function parseNumericAliasPrefix(branch: string): string | null {
  if (branch.length > MAX_VERSION_LENGTH) return null
  const prefix = NUMERIC_DEV_VERSION.exec(branch)?.[1]
  return prefix === undefined ? null : `${prefix}.`
}

/** Writes a normalised dev version the short way: each run of `.9999999` becomes `.x`. */
export function shortenDevVersion(normalizedVersion: string): string {
  return normalizedVersion.replace(NEWEST_PARTS, '.x')
}

function withoutAliasAndFlag(text: string): string {
  const aliased = ALIASED.exec(text)?.[1] ?? text
  return aliased.replace(STABILITY_FLAG, '')
}

function normalizeNumbered(text: string): string | null {
  const classical = CLASSICAL.exec(text)
  if (classical !== null) {
    const [, major = '', minor = '.0', patch = '.0', build = '.0', word, number, dev] = classical
    return withSuffix(major + minor + patch + build, [word, number, dev])
  }
  const dated = DATED.exec(text)
  if (dated === null) return null
  const [, date = '', word, number, dev] = dated
  return withSuffix(date.replace(/\D/g, '.'), [word, number, dev])
}

type Suffix = [word: string | undefined, number: string | undefined, dev: string | undefined]

function withSuffix(numbers: string, [word, number = '', dev]: Suffix): string {
  // Only the lower-case word vanishes together with what follows it; Composer keeps `Stable` as an ordinary word.
  if (word === 'stable') return numbers
  const modifier = word === undefined ? '' : `-${longModifier(word)}${number.replace(/^[.-]+/, '')}`
  return numbers + modifier + (dev === undefined ? '' : '-dev')
}

function longModifier(word: string): string {
  const lower = word.toLowerCase()
  switch (lower) {
    case 'a':
      return 'alpha'
    case 'b':
      return 'beta'
    case 'p':
    case 'pl':
      return 'patch'
    case 'rc':
      return 'RC'
    default:
      return lower
  }
}

function normalizeNumericDev(text: string): string | null {
  if (!/dev$/i.test(text)) return null
  const branch = text.slice(0, -3).replace(/[.-]$/, '')
  const normalized = normalizeBranch(branch)
  return normalized.startsWith('dev-') ? null : normalized
}

function newestWhenWild(part: string | undefined): string {
  if (part === undefined || /^\.[x*]$/i.test(part)) return '9999999'
  return part.slice(1)
}
