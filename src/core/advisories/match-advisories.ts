import { constraintsIntersect, matchesConstraint, tryParseConstraint, type Constraint } from '../../composer/index.ts'

/** Text that is no constraint as a whole still has a beginning that Composer takes for one. */
const LEADING = /^([>=<^~]*[\d.]+)/

/**
 * What an advisory's `affectedVersions` covers, as Composer reads it (contract composer.md §2.5): text that does not parse is cut after the
 * leading operator and number; null when that does not parse either, which matches nothing.
 */
export function parseAffectedVersions(text: string): Constraint | null {
  const parsed = tryParseConstraint(text)
  if (parsed !== null) {
    return parsed
  }
  const leading = LEADING.exec(text)?.[1]
  return leading === undefined ? null : tryParseConstraint(leading)
}

/** Those of a package's advisories that are about a version in its normalized form, with Composer's meaning of constraints. */
export function matchAdvisories<Told extends { affectedVersions: string }>(
  advisories: readonly Told[],
  normalized: string,
): Told[] {
  return advisories.filter(({ affectedVersions }) => isAffected(affectedVersions, normalized))
}

function isAffected(affectedVersions: string, normalized: string): boolean {
  const affected = parseAffectedVersions(affectedVersions)
  return affected !== null && matchesConstraint(affected, normalized)
}

/**
 * Those of a package's advisories that some version which a requirement allows may be affected by. A requirement or an advisory that does not
 * parse is taken to match (contract pricore.md §11).
 */
export function matchRequirement<Told extends { affectedVersions: string }>(
  advisories: readonly Told[],
  requirement: string,
): Told[] {
  const required = tryParseConstraint(requirement)
  return advisories.filter(({ affectedVersions }) => {
    const affected = parseAffectedVersions(affectedVersions)
    return required === null || affected === null || constraintsIntersect(required, affected)
  })
}

const LOWEST = '0.0.0.0-dev'

/** Whether a constraint covers every release there may be, or is none. */
export function isBroad(affectedVersions: string): boolean {
  const parsed = tryParseConstraint(affectedVersions)
  if (parsed === null) {
    return true
  }
  // What is covered changes at these versions only, so these and one between each two of them stand for all.
  const turns = versionsIn(parsed).filter((version) => !version.startsWith('dev-'))
  return [LOWEST, ...turns, ...turns.map((version) => `${version}.1`)].every((version) => matchesConstraint(parsed, version))
}

function versionsIn(constraint: Constraint): string[] {
  switch (constraint.kind) {
    case 'any':
      return []
    case 'version':
      return [constraint.version]
    case 'all':
    case 'either':
      return constraint.parts.flatMap(versionsIn)
  }
}
