import type { Constraint } from './constraint.ts'
import { matchesConstraint } from './constraint-match.ts'
import { parseConstraintText } from './constraint-parser.ts'
import { normalizeVersion } from './normalize-version.ts'
import { remember } from './remember.ts'

export { type Bound, type Constraint, isUnbounded, lowerBound, printConstraint, upperBound } from './constraint.ts'
export { matchesConstraint } from './constraint-match.ts'
export { MAX_CONSTRAINT_LENGTH } from './constraint-parser.ts'
export { constraintsIntersect, matchesNothing } from './intervals.ts'

/** Thrown by `parseConstraint`; `input` holds the text that was refused. */
export class InvalidConstraint extends Error {
  readonly input: string

  constructor(input: string) {
    const hint = input.includes('~>') ? ': there is no operator "~>", use "~"' : ''
    super(`Could not parse version constraint "${input.slice(0, 200)}"${hint}`)
    this.name = 'InvalidConstraint'
    this.input = input
  }
}

/**
 * Parses a constraint (CO-103, contract §5.5); null when the text is not one or is longer than `MAX_CONSTRAINT_LENGTH`.
 * Results for recent texts are shared between callers.
 */
export const tryParseConstraint: (text: string) => Constraint | null = remember(4096, parseConstraintText)

/** Like `tryParseConstraint`, throwing `InvalidConstraint` for text that is not a constraint. */
export function parseConstraint(text: string): Constraint {
  const constraint = tryParseConstraint(text)
  if (constraint === null) throw new InvalidConstraint(text)
  return constraint
}

/**
 * Whether a version as people write it satisfies a constraint (CO-103). Throws `InvalidVersion` or `InvalidConstraint`
 * when one of them cannot be parsed.
 */
export function satisfies(version: string, constraintText: string): boolean {
  return matchesConstraint(parseConstraint(constraintText), normalizeVersion(version))
}
