import { type Operator, phpVersionCompare } from './compare.ts'

/** A parsed constraint: everything, one comparison with a normalised version, a conjunction or an alternative. Immutable. */
export type Constraint =
  | { readonly kind: 'any' }
  | VersionConstraint
  | { readonly kind: 'all'; readonly parts: readonly Constraint[] }
  | { readonly kind: 'either'; readonly parts: readonly Constraint[] }

/** One comparison with a normalised version. */
export interface VersionConstraint {
  readonly kind: 'version'
  readonly operator: Operator
  readonly version: string
}

/** One end of the versions that a constraint covers. */
export interface Bound {
  readonly version: string
  readonly inclusive: boolean
}

const LOWEST: Bound = { version: '0.0.0.0-dev', inclusive: true }
const HIGHEST: Bound = { version: '9223372036854775807.0.0.0', inclusive: false }

/**
 * The alternative of several constraints. Neighbouring ranges where one ends as the next begins become one range, as in
 * Composer, so that `^1.0 || ^2.0` prints and compares as one interval. There must be at least one part.
 */
export function oneOf(parts: readonly Constraint[]): Constraint {
  const merged: Constraint[] = []
  for (const part of parts) {
    const previous = merged.at(-1)
    const joined = previous === undefined ? null : joinRanges(previous, part)
    if (joined === null) merged.push(part)
    else merged[merged.length - 1] = joined
  }
  const [first] = merged
  return merged.length === 1 && first !== undefined ? first : { kind: 'either', parts: merged }
}

/** The text form of contract §5.5: `>= 1.0.0.0-dev`, `[a b]` for "and", `[a || b]` for "or", `*` for everything. */
export function printConstraint(constraint: Constraint): string {
  switch (constraint.kind) {
    case 'any':
      return '*'
    case 'version':
      return `${constraint.operator} ${constraint.version}`
    case 'all':
      return `[${constraint.parts.map(printConstraint).join(' ')}]`
    case 'either':
      return `[${constraint.parts.map(printConstraint).join(' || ')}]`
  }
}

/**
 * A version that no smaller one matches; as in Composer it ignores `!=` and branches, so it is a bound and not always the
 * tightest one.
 */
export function lowerBound(constraint: Constraint): Bound {
  switch (constraint.kind) {
    case 'any':
      return LOWEST
    case 'version':
      return lowerBoundOfVersion(constraint)
    case 'all':
      return outermost(constraint.parts.map(lowerBound), isHigher, LOWEST)
    case 'either':
      return outermost(constraint.parts.map(lowerBound), isLower, LOWEST)
  }
}

/** A version that no greater one matches, with the same reservations as `lowerBound`. */
export function upperBound(constraint: Constraint): Bound {
  switch (constraint.kind) {
    case 'any':
      return HIGHEST
    case 'version':
      return upperBoundOfVersion(constraint)
    case 'all':
      return outermost(constraint.parts.map(upperBound), isLower, HIGHEST)
    case 'either':
      return outermost(constraint.parts.map(upperBound), isHigher, HIGHEST)
  }
}

/** True for the highest bound, that of constraints that admit every later version. */
export function isUnbounded(bound: Bound): boolean {
  return bound === HIGHEST
}

type Range = readonly [low: VersionConstraint, high: VersionConstraint]

function joinRanges(left: Constraint, right: Constraint): Constraint | null {
  const first = toRange(left)
  const second = toRange(right)
  if (first === null || second === null) return null
  if (first[1].operator !== '<' || first[1].version !== second[0].version) return null
  return { kind: 'all', parts: [first[0], second[1]] }
}

function toRange(constraint: Constraint): Range | null {
  if (constraint.kind !== 'all' || constraint.parts.length !== 2) return null
  const [low, high] = constraint.parts
  if (low?.kind !== 'version' || high?.kind !== 'version') return null
  return low.operator === '>=' && (high.operator === '<' || high.operator === '<=') ? [low, high] : null
}

function lowerBoundOfVersion({ operator, version }: VersionConstraint): Bound {
  if (version.startsWith('dev-') || operator === '<' || operator === '<=' || operator === '!=') return LOWEST
  return { version, inclusive: operator !== '>' }
}

function upperBoundOfVersion({ operator, version }: VersionConstraint): Bound {
  if (version.startsWith('dev-') || operator === '>' || operator === '>=' || operator === '!=') return HIGHEST
  return { version, inclusive: operator !== '<' }
}

function outermost(bounds: readonly Bound[], isFurther: (a: Bound, b: Bound) => boolean, fallback: Bound): Bound {
  let furthest = bounds[0] ?? fallback
  for (const bound of bounds) {
    if (isFurther(bound, furthest)) furthest = bound
  }
  return furthest
}

/** At equal versions Composer takes any inclusive bound for exceeded, also by another inclusive one. */
function isHigher(a: Bound, b: Bound): boolean {
  if (a.version === b.version && a.inclusive === b.inclusive) return false
  const ordering = phpVersionCompare(a.version, b.version)
  return ordering === 0 ? b.inclusive : ordering > 0
}

function isLower(a: Bound, b: Bound): boolean {
  if (a.version === b.version && a.inclusive === b.inclusive) return false
  const ordering = phpVersionCompare(a.version, b.version)
  return ordering === 0 ? !b.inclusive : ordering < 0
}
