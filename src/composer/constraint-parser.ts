import type { Operator } from './compare.ts'
import { type Constraint, oneOf } from './constraint.ts'
import { splitAlternatives, splitRequirements } from './constraint-split.ts'
import { MAX_VERSION_LENGTH, MODIFIER, tryNormalizeVersion } from './normalize-version.ts'
import { parseStability } from './stability.ts'

/** A constraint longer than this is refused; the longest in public advisories stay below 4,000 characters. */
export const MAX_CONSTRAINT_LENGTH = 16_384

/** Two version literals and an operator; anything longer cannot parse and is not shown to the patterns below. */
const MAX_PART_LENGTH = 2 * MAX_VERSION_LENGTH + 16
const BELOW_ALL_NUMBERS = '0.0.0.0-dev'

/** Numbers (1-4), stability word (5), its number (6), dev (7), wildcard dev (8). */
const LITERAL = String.raw`v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:${MODIFIER}|\.([x*][.-]?dev))(?:\+[^\t\n\v\f\r ]+)?`
const GROUPS_IN_LITERAL = 8

const ALIASED = /^([^,\t\n\v\f\r ]+) +as +[^,\t\n\v\f\r ]+$/
const STABILITY_FLAG = /^([^,\t\n\v\f\r ]*?)@(stable|rc|beta|alpha|dev)$/i
const COMMIT_REFERENCE = /^(dev-[^,\t\n\v\f\r @]+?|[^,\t\n\v\f\r @]+?\.x-dev)#.+$/i
const WILDCARD_ONLY = /^(v)?[x*](\.[x*])*$/i
const TILDE = new RegExp(`^~>?${LITERAL}$`, 'i')
const CARET = new RegExp(String.raw`^\^${LITERAL}$`, 'i')
const WILDCARD = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.[x*])+$/i
const HYPHEN = new RegExp(`^(${LITERAL}) +- +(${LITERAL})$`, 'i')
const COMPARISON = /^(<>|!=|>=?|<=?|==?)?[\t\n\v\f\r ]*([^\n]*)/
const BRANCH_WITH_DEV_SUFFIX = /^[0-9a-zA-Z./-]*-dev$/

/** Composer overlooks release candidates here, so that `<1.0-RC1` means `< 1.0.0.0-RC1-dev`. */
const SUFFIXED = new RegExp(`-${MODIFIER.replace('|rc|', '|')}$`)

type Version = Extract<Constraint, { kind: 'version' }>
type Groups = readonly (string | undefined)[]

/** Parses constraint text (CO-103, contract §5.5); null when it is not a constraint. Adjacent ranges are merged as Composer does. */
export function parseConstraintText(text: string): Constraint | null {
  if (text.length > MAX_CONSTRAINT_LENGTH) return null
  const alternatives: Constraint[] = []
  for (const alternative of splitAlternatives(text)) {
    const parsed = parseAlternative(alternative)
    if (parsed === null) return null
    alternatives.push(parsed)
  }
  return oneOf(alternatives)
}

function parseAlternative(text: string): Constraint | null {
  const parts: Constraint[] = []
  for (const part of splitRequirements(text)) {
    const parsed = parsePart(part)
    if (parsed === null) return null
    parts.push(...parsed)
  }
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : { kind: 'all', parts }
}

function parsePart(part: string): Constraint[] | null {
  if (part.length > MAX_PART_LENGTH) return null
  const unaliased = ALIASED.exec(part)?.[1] ?? part
  const flagged = STABILITY_FLAG.exec(unaliased)
  const unflagged = flagged === null ? unaliased : flagged[1] || '*'
  const literal = COMMIT_REFERENCE.exec(unflagged)?.[1] ?? unflagged
  const wildcard = WILDCARD_ONLY.exec(literal)
  if (wildcard !== null) return [matchAnyOrAnyNumber(wildcard)]
  return parseRange(literal) ?? parseComparison(literal, flagged?.[2])
}

function matchAnyOrAnyNumber([, prefix, rest]: RegExpExecArray): Constraint {
  return prefix === undefined && rest === undefined ? { kind: 'any' } : version('>=', BELOW_ALL_NUMBERS)
}

/** Null when the literal is no range, so that it can be tried as a comparison. */
function parseRange(literal: string): Constraint[] | null {
  const tilde = TILDE.exec(literal)
  if (tilde !== null) return literal.startsWith('~>') ? null : tildeRange(literal, tilde)
  const caret = CARET.exec(literal)
  if (caret !== null) return range(rangeStart(literal.slice(1), caret.slice(1)), raised(caret.slice(1), caretPosition(caret)))
  const wildcard = WILDCARD.exec(literal)
  if (wildcard !== null) return wildcardRange(wildcard.slice(1))
  const hyphen = HYPHEN.exec(literal)
  return hyphen === null ? null : hyphenRange(hyphen)
}

function tildeRange(literal: string, match: RegExpExecArray): Constraint[] | null {
  const groups = match.slice(1)
  const shift = groups[7] === undefined ? 0 : 1
  const position = Math.max(1, givenNumbers(groups) + shift - 1)
  return range(rangeStart(literal.slice(1), groups), raised(groups, position))
}

/** The left-most of major, minor and patch that is not zero, or the last one given before the literal ends. */
function caretPosition([, major, minor, patch]: RegExpExecArray): number {
  if (major !== '0' || minor === undefined) return 1
  return minor !== '0' || patch === undefined ? 2 : 3
}

function wildcardRange(groups: Groups): Constraint[] {
  const position = givenNumbers(groups)
  const low = numbersUpTo(groups, position)
  const high = version('<', raised(groups, position))
  return low === '0.0.0.0' ? [high] : [version('>=', `${low}-dev`), high]
}

function hyphenRange(match: RegExpExecArray): Constraint[] | null {
  const fromGroups = match.slice(2, 2 + GROUPS_IN_LITERAL)
  const from = match[1] ?? ''
  const to = match[2 + GROUPS_IN_LITERAL] ?? ''
  const toGroups = match.slice(3 + GROUPS_IN_LITERAL)
  const low = tryNormalizeVersion(from)
  const high = tryNormalizeVersion(to)
  if (low === null || high === null) return null
  const atLeast = version('>=', hasSuffix(fromGroups) ? low : `${low}-dev`)
  if (toGroups[2] !== undefined || hasSuffix(toGroups)) return [atLeast, version('<=', high)]
  return [atLeast, version('<', raised(toGroups, givenNumbers(toGroups)))]
}

function parseComparison(literal: string, flag: string | undefined): Constraint[] | null {
  const [, written = '', operand = ''] = COMPARISON.exec(literal) ?? []
  const normalized = tryNormalizeVersion(operand) ?? branchWithDevSuffix(operand)
  if (normalized === null) return null
  const operator = toOperator(written)
  return [version(operator, normalized + impliedSuffix({ operator, operand, normalized, flag }))]
}

interface Comparison {
  readonly operator: Operator
  readonly operand: string
  readonly normalized: string
  readonly flag: string | undefined
}

function impliedSuffix({ operator, operand, normalized, flag }: Comparison): string {
  // Composer compares the flag case-sensitively here, so `@Stable` would be appended as it is written.
  const isFlagged = flag !== undefined && flag !== 'stable'
  if (operator !== '==' && isFlagged && parseStability(normalized) === 'stable') return `-${flag}`
  if (operator !== '<' && operator !== '>=') return ''
  return SUFFIXED.test(operand.toLowerCase()) || operand.startsWith('dev-') ? '' : '-dev'
}

/** `foo-dev` is read as the branch `foo`, as Composer does. */
function branchWithDevSuffix(operand: string): string | null {
  return BRANCH_WITH_DEV_SUFFIX.test(operand) ? tryNormalizeVersion(`dev-${operand.slice(0, -4)}`) : null
}

function toOperator(written: string): Operator {
  switch (written) {
    case '<':
    case '<=':
    case '>':
    case '>=':
    case '!=':
      return written
    case '<>':
      return '!='
    default:
      return '=='
  }
}

function version(operator: Operator, text: string): Version {
  return { kind: 'version', operator, version: text }
}

function range(low: string | null, high: string): Constraint[] | null {
  return low === null ? null : [version('>=', low), version('<', high)]
}

/** The first version of a range: everything below release counts unless the literal says where to start. */
function rangeStart(literal: string, groups: Groups): string | null {
  return tryNormalizeVersion(hasSuffix(groups) ? literal : `${literal}-dev`)
}

function hasSuffix(groups: Groups): boolean {
  return groups[4] !== undefined || groups[6] !== undefined || groups[7] !== undefined
}

function givenNumbers(groups: Groups): number {
  const missing = groups.slice(0, 4).indexOf(undefined)
  return missing === -1 ? Math.min(4, groups.length) : missing
}

function numbersUpTo(groups: Groups, position: number): string {
  const numbers = [0, 1, 2, 3].map((index) => (index < position ? (groups[index] ?? '0') : '0'))
  return numbers.join('.')
}

/** The numbers up to `position` with the last of them increased by one, just below its first pre-release. */
function raised(groups: Groups, position: number): string {
  const numbers = [0, 1, 2, 3].map((index) => {
    if (index >= position) return '0'
    const given = groups[index] ?? '0'
    return index === position - 1 ? increased(given) : given
  })
  return `${numbers.join('.')}-dev`
}

function increased(number: string): string {
  return (BigInt(number) + 1n).toString()
}
