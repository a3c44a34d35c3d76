import { phpVersionCompare } from './compare.ts'
import { type Bound, type Constraint, lowerBound, upperBound, type VersionConstraint } from './constraint.ts'

/**
 * What a constraint matches, in a form that can be intersected: disjoint intervals of numeric versions in ascending
 * order, and a set of branches. The order is taken to be dense and to begin at `0.0.0.0-dev`, as in Composer.
 */
export interface Coverage {
  readonly intervals: readonly Interval[]
  readonly branches: BranchSet
}

/** All versions from `low` to `high`. */
export interface Interval {
  readonly low: Bound
  readonly high: Bound
}

/** The branches in `names`, or with `isComplement` all others. */
export interface BranchSet {
  readonly names: ReadonlySet<string>
  readonly isComplement: boolean
}

const ANY: Constraint = { kind: 'any' }
const NO_BRANCH: BranchSet = { names: new Set(), isComplement: false }
const ALL_BRANCHES: BranchSet = { names: new Set(), isComplement: true }
const ALL_NUMBERS: readonly Interval[] = [{ low: lowerBound(ANY), high: upperBound(ANY) }]
const EVERYTHING: Coverage = { intervals: ALL_NUMBERS, branches: ALL_BRANCHES }
const NOTHING: Coverage = { intervals: [], branches: NO_BRANCH }

/** Computes what a constraint matches. */
export function coverageOf(constraint: Constraint): Coverage {
  switch (constraint.kind) {
    case 'any':
      return EVERYTHING
    case 'version':
      return coverageOfVersion(constraint)
    case 'all':
      return mergeInPairs(constraint.parts.map(coverageOf), intersect, EVERYTHING)
    case 'either':
      return mergeInPairs(constraint.parts.map(coverageOf), unite, NOTHING)
  }
}

/** Whether some version can match both constraints. Without one in between two bounds the answer may be yes nevertheless. */
export function constraintsIntersect(a: Constraint, b: Constraint): boolean {
  return !isEmpty(intersect(coverageOf(a), coverageOf(b)))
}

/** Whether no version at all can match the constraint, as with `>1 <1`. */
export function matchesNothing(constraint: Constraint): boolean {
  return isEmpty(coverageOf(constraint))
}

function isEmpty({ intervals, branches }: Coverage): boolean {
  return intervals.length === 0 && !branches.isComplement && branches.names.size === 0
}

function coverageOfVersion(constraint: VersionConstraint): Coverage {
  if (constraint.version.startsWith('dev-')) return coverageOfBranch(constraint)
  if (constraint.operator === '!=') return { intervals: allNumbersBut(constraint.version), branches: ALL_BRANCHES }
  const interval = { low: lowerBound(constraint), high: upperBound(constraint) }
  return { intervals: hasVersions(interval) ? [interval] : [], branches: NO_BRANCH }
}

function coverageOfBranch({ operator, version }: VersionConstraint): Coverage {
  const names = new Set([version])
  if (operator === '==') return { intervals: [], branches: { names, isComplement: false } }
  return operator === '!=' ? { intervals: ALL_NUMBERS, branches: { names, isComplement: true } } : NOTHING
}

function allNumbersBut(version: string): readonly Interval[] {
  const hole = { version, inclusive: false }
  const sides = ALL_NUMBERS.flatMap(({ low, high }) => [
    { low, high: hole },
    { low: hole, high },
  ])
  return sides.filter(hasVersions)
}

/** Merging neighbours first keeps the work near n·log n for the long alternatives that advisories have. */
function mergeInPairs(coverages: readonly Coverage[], merge: (a: Coverage, b: Coverage) => Coverage, none: Coverage): Coverage {
  let remaining = coverages
  while (remaining.length > 1) {
    const merged: Coverage[] = []
    for (let index = 0; index < remaining.length; index += 2) {
      const first = remaining[index] ?? none
      const second = remaining[index + 1]
      merged.push(second === undefined ? first : merge(first, second))
    }
    remaining = merged
  }
  return remaining[0] ?? none
}

function intersect(a: Coverage, b: Coverage): Coverage {
  return { intervals: intersectIntervals(a.intervals, b.intervals), branches: intersectBranches(a.branches, b.branches) }
}

function unite(a: Coverage, b: Coverage): Coverage {
  const branches = complement(intersectBranches(complement(a.branches), complement(b.branches)))
  return { intervals: uniteIntervals(a.intervals, b.intervals), branches }
}

function intersectIntervals(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const common: Interval[] = []
  let indexA = 0
  let indexB = 0
  while (indexA < a.length && indexB < b.length) {
    const [x, y] = [a[indexA], b[indexB]]
    if (x === undefined || y === undefined) break
    const shared = {
      low: compareLows(x.low, y.low) >= 0 ? x.low : y.low,
      high: compareHighs(x.high, y.high) <= 0 ? x.high : y.high,
    }
    if (hasVersions(shared)) common.push(shared)
    if (compareHighs(x.high, y.high) <= 0) indexA++
    else indexB++
  }
  return common
}

function uniteIntervals(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const united: Interval[] = []
  for (const next of [...a, ...b].sort((x, y) => compareLows(x.low, y.low))) {
    const last = united.at(-1)
    if (last === undefined || !touches(last.high, next.low)) united.push(next)
    else if (compareHighs(next.high, last.high) > 0) united[united.length - 1] = { low: last.low, high: next.high }
  }
  return united
}

function touches(high: Bound, low: Bound): boolean {
  const ordering = phpVersionCompare(low.version, high.version)
  return ordering < 0 || (ordering === 0 && (low.inclusive || high.inclusive))
}

function hasVersions({ low, high }: Interval): boolean {
  const ordering = phpVersionCompare(low.version, high.version)
  return ordering < 0 || (ordering === 0 && low.inclusive && high.inclusive)
}

function compareLows(a: Bound, b: Bound): number {
  return phpVersionCompare(a.version, b.version) || Number(b.inclusive) - Number(a.inclusive)
}

function compareHighs(a: Bound, b: Bound): number {
  return phpVersionCompare(a.version, b.version) || Number(a.inclusive) - Number(b.inclusive)
}

function complement({ names, isComplement }: BranchSet): BranchSet {
  return { names, isComplement: !isComplement }
}

function intersectBranches(a: BranchSet, b: BranchSet): BranchSet {
  if (a.isComplement && b.isComplement) return { names: a.names.union(b.names), isComplement: true }
  if (a.isComplement) return { names: b.names.difference(a.names), isComplement: false }
  if (b.isComplement) return { names: a.names.difference(b.names), isComplement: false }
  return { names: a.names.intersection(b.names), isComplement: false }
}
