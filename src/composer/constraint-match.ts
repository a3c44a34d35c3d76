import { holds, phpVersionCompare } from './compare.ts'
import type { Constraint, VersionConstraint } from './constraint.ts'

/**
 * Whether a normalised version satisfies a constraint (CO-103, contract §5.6). A branch `dev-x` matches only `*`,
 * `== dev-x` and `!=` of anything else.
 */
export function matchesConstraint(constraint: Constraint, normalizedVersion: string): boolean {
  switch (constraint.kind) {
    case 'any':
      return true
    case 'version':
      return matchesVersion(constraint, normalizedVersion)
    case 'all':
      return constraint.parts.every((part) => matchesConstraint(part, normalizedVersion))
    case 'either':
      return constraint.parts.some((part) => matchesConstraint(part, normalizedVersion))
  }
}

function matchesVersion({ operator, version }: VersionConstraint, candidate: string): boolean {
  const involvesBranch = version.startsWith('dev-') || candidate.startsWith('dev-')
  if (!involvesBranch) return holds(phpVersionCompare(candidate, version), operator)
  if (operator === '!=') return candidate !== version
  return operator === '==' && candidate === version
}
