import { remember } from './remember.ts'
import { DEFAULT_BRANCH_ALIAS, normalizeVersion } from './normalize-version.ts'

/** The outcome of a comparison, usable with `Array.sort`. */
export type Ordering = -1 | 0 | 1

/** The operators of constraints; `=` is always spelled `==`. */
export type Operator = '==' | '!=' | '<' | '<=' | '>' | '>='

/** A part of a canonical version: an exact number as long as it fits, a word otherwise. */
type Part = number | bigint | string

const WORD_RANKS: readonly (readonly [prefix: string, rank: number])[] = [
  ['dev', 0],
  ['a', 1],
  ['b', 2],
  ['RC', 3],
  ['rc', 3],
  ['#', 4],
  ['p', 5],
]
const UNKNOWN_WORD_RANK = -1
const NUMBER_RANK = 4
const LARGEST_NUMBER = 9223372036854775807n

const canonicalParts = remember(4096, computeCanonicalParts)

/** Compares two versions exactly as PHP's `version_compare` does, whatever the texts hold (CO-104, contract §5.6). */
export function phpVersionCompare(a: string, b: string): Ordering {
  if (a === '' || b === '') return compareNumbers(a.length === 0 ? 0 : 1, b.length === 0 ? 0 : 1)
  const left = canonicalParts(a)
  const right = canonicalParts(b)
  for (let index = 0; ; index++) {
    const x = partAt(left, index)
    const y = partAt(right, index)
    if (x === null || y === null) return compareRests(left.slice(index), right.slice(index))
    const ordering = compareParts(x, y)
    if (ordering !== 0) return ordering
  }
}

/**
 * Whether `a operator b` holds for two normalised versions in the meaning of Composer's comparator (CO-104). A branch
 * is below every number; two different branches are neither equal nor less nor greater.
 */
export function isVersionRelated(a: string, operator: Operator, b: string): boolean {
  const branches = Number(a.startsWith('dev-')) + Number(b.startsWith('dev-'))
  if (operator === '!=' && branches > 0) return a !== b
  if (branches === 2) return operator === '==' && a === b
  return holds(phpVersionCompare(a, b), operator)
}

/**
 * Total order of normalised versions, oldest first: as Composer compares them, with branches below all numbers. Where
 * Composer leaves two different branches unrelated their names decide, so that sorting is deterministic.
 */
export function compareVersions(a: string, b: string): Ordering {
  if (a === b) return 0
  if (a.startsWith('dev-') && b.startsWith('dev-')) return a < b ? -1 : 1
  return phpVersionCompare(a, b)
}

/** Sorts versions as people write them, oldest first, keeping the order of equal ones (CO-104). Throws `InvalidVersion`. */
export function sortVersions(versions: readonly string[]): string[] {
  return sorted(versions, (a, b) => compareVersions(a, b))
}

/** Sorts versions as people write them, newest first, keeping the order of equal ones (CO-104). Throws `InvalidVersion`. */
export function rsortVersions(versions: readonly string[]): string[] {
  return sorted(versions, (a, b) => compareVersions(b, a))
}

/** What the display order needs to know about a version. */
export interface DisplayedVersion {
  readonly normalized: string
  /** The declared branch alias (`1.2.x-dev`) of a dev version, null when there is none. */
  readonly branchAlias: string | null
  readonly isDefaultBranch: boolean
  /** Release time in milliseconds since 1970, null when unknown (sorted last among equals). */
  readonly releasedAt: number | null
}

/** Order of listings and metadata documents: default branch, then newest version first (CO-027, contract §5.7). Total. */
export function compareForDisplay(a: DisplayedVersion, b: DisplayedVersion): Ordering {
  const byDefault = compareNumbers(leadsAsDefault(a) ? 0 : 1, leadsAsDefault(b) ? 0 : 1)
  if (byDefault !== 0) return byDefault
  const byVersion = phpVersionCompare(displayKey(b), displayKey(a))
  if (byVersion !== 0) return byVersion
  const byTime = compareNumbers(b.releasedAt ?? -Infinity, a.releasedAt ?? -Infinity)
  if (byTime !== 0) return byTime
  if (a.normalized === b.normalized) return 0
  return a.normalized < b.normalized ? -1 : 1
}

/** Whether an ordering satisfies an operator. */
export function holds(ordering: Ordering, operator: Operator): boolean {
  switch (operator) {
    case '==':
      return ordering === 0
    case '!=':
      return ordering !== 0
    case '<':
      return ordering < 0
    case '<=':
      return ordering <= 0
    case '>':
      return ordering > 0
    case '>=':
      return ordering >= 0
  }
}

function leadsAsDefault(version: DisplayedVersion): boolean {
  return version.isDefaultBranch && version.normalized.startsWith('dev-')
}

function displayKey(version: DisplayedVersion): string {
  if (version.branchAlias !== null) return version.branchAlias.replace(/(?:\.x)?-dev$/, '.9999999-dev')
  return version.normalized.startsWith('dev-') ? '0.0.0-alpha' : version.normalized
}

function sorted(versions: readonly string[], compare: (a: string, b: string) => Ordering): string[] {
  const keyed = versions.map((version) => ({ version, key: sortKey(version) }))
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ version }) => version)
}

function sortKey(version: string): string {
  const normalized = normalizeVersion(version)
  const isFormerDefault = normalized === 'dev-master' || normalized === 'dev-trunk' || normalized === 'dev-default'
  return isFormerDefault ? DEFAULT_BRANCH_ALIAS : normalized
}

function compareNumbers(a: number | bigint, b: number | bigint): Ordering {
  if (a < b) return -1
  return a > b ? 1 : 0
}

function compareParts(a: Part, b: Part): Ordering {
  if (typeof a !== 'string' && typeof b !== 'string') return compareNumbers(a, b)
  return compareNumbers(rank(a), rank(b))
}

/** Null at the end, and at the empty last part that a trailing separator leaves: PHP stops there and looks at the rests. */
function partAt(parts: readonly Part[], index: number): Part | null {
  const part = parts[index] ?? null
  return part === '' && index === parts.length - 1 ? null : part
}

function compareRests(left: readonly Part[], right: readonly Part[]): Ordering {
  if (left.length > 0) return compareRestWithNothing(left)
  return right.length === 0 ? 0 : opposite(compareRestWithNothing(right))
}

/** A rest that starts with a number makes a version greater; one that starts with a word has the rank of that word. */
function compareRestWithNothing(rest: readonly Part[]): Ordering {
  for (const part of rest) {
    if (typeof part !== 'string') return 1
    const ordering = compareNumbers(rank(part), NUMBER_RANK)
    if (ordering !== 0) return ordering
  }
  return 0
}

function opposite(ordering: Ordering): Ordering {
  if (ordering === 0) return 0
  return ordering === 1 ? -1 : 1
}

function rank(part: Part): number {
  if (typeof part !== 'string') return NUMBER_RANK
  return WORD_RANKS.find(([prefix]) => part.startsWith(prefix))?.[1] ?? UNKNOWN_WORD_RANK
}

function computeCanonicalParts(version: string): readonly Part[] {
  return canonicalText(toBytes(version)).split('.').map(toPart)
}

/** PHP compares bytes, so text outside ASCII is seen as its UTF-8 bytes, one character each. */
function toBytes(version: string): string {
  return /^[\x00-\x7f]*$/.test(version) ? version : Buffer.from(version, 'utf8').toString('latin1')
}

/**
 * Puts a dot where digits meet other characters and in place of punctuation. The first character always stays, and a
 * text that begins with `#` stays as it is.
 */
function canonicalText(version: string): string {
  if (version.startsWith('#')) return version
  let text = version.charAt(0)
  for (let index = 1; index < version.length; index++) {
    const previous = version.charAt(index - 1)
    const current = version.charAt(index)
    const separator = text.endsWith('.') ? '' : '.'
    if (current === '-' || current === '_' || current === '+') text += separator
    else if (isBoundary(previous, current)) text += separator + current
    else text += /[a-z0-9]/i.test(current) ? current : separator
  }
  return text
}

function isBoundary(previous: string, current: string): boolean {
  if (previous === '.' || current === '.') return false
  return isDigit(previous) !== isDigit(current)
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9'
}

function toPart(text: string): Part {
  if (!isDigit(text.charAt(0))) return text
  if (text.length <= 15) return Number(text)
  const number = BigInt(text)
  return number > LARGEST_NUMBER ? LARGEST_NUMBER : number
}
