import { constraintsIntersect, matchesNothing, tryParseConstraint, type Constraint } from '../constraints.ts'
import { isPlatformPackage, linkNameProblem } from '../names.ts'
import { checkArray, setOrDelete, type ManifestCheck } from './check.ts'
import type { JsonValue } from './json.ts'

/** The order in which Composer looks at the kinds of links. */
const KINDS = ['require', 'conflict', 'provide', 'replace', 'require-dev']

/** A version beyond everything that is released: what admits it has no upper bound. */
const UNBOUND: Constraint = { kind: 'version', operator: '==', version: '10000000-dev' }
const FROM_ONE: Constraint = { kind: 'version', operator: '>=', version: '1.0.0.0-dev' }

/**
 * Keeps the links with a constraint that parses (CO-111, CO-121): a link to the package itself is an error, as is a conflict with
 * something that is also replaced; constraints that are too wide or too narrow are warned of.
 */
export function checkLinks(check: ManifestCheck): void {
  for (const kind of KINDS) {
    const kept: [string, JsonValue][] = []
    for (const [target, constraint] of checkArray(check, kind) ?? []) {
      if (isLinkUsable(check, { kind, target, constraint })) kept.push([target, constraint])
    }
    setOrDelete(check, kind, Object.fromEntries(kept))
  }
  checkConflictsWithReplaced(check)
}

interface TextLink {
  kind: string
  target: string
  constraint: string
}

interface WrittenLink {
  kind: string
  target: string
  constraint: JsonValue
}

function isLinkUsable(check: ManifestCheck, { kind, target, constraint }: WrittenLink): boolean {
  const name = check.fields.get('name')
  if (typeof name === 'string' && target.toLowerCase() === name.toLowerCase()) {
    check.errors.push(`${kind}.${target} : a package cannot set a ${kind} on itself`)
    return false
  }
  const nameProblem = linkNameProblem(target)
  if (nameProblem !== null) check.warnings.push(`${kind}.${nameProblem}`)
  if (typeof constraint !== 'string') {
    check.errors.push(`${kind}.${target} : invalid value, must be a string containing a version constraint`)
    return false
  }
  return constraint === 'self.version' || isConstraintUsable(check, { kind, target, constraint })
}

function isConstraintUsable(check: ManifestCheck, { kind, target, constraint }: TextLink): boolean {
  const parsed = tryParseConstraint(constraint)
  if (parsed === null) {
    check.errors.push(`${kind}.${target} : invalid version constraint (Could not parse version constraint "${constraint}")`)
    return false
  }
  const advice = constraintAdvice(parsed, { kind, target, constraint })
  if (advice !== null) check.warnings.push(`${kind}.${target} : ${advice}`)
  return true
}

function constraintAdvice(parsed: Constraint, { kind, target, constraint }: TextLink): string | null {
  if (matchesNothing(parsed)) return `this version constraint cannot possibly match anything (${constraint})`
  if (kind !== 'require') return null
  if (!isPlatformPackage(target) && constraintsIntersect(parsed, UNBOUND))
    return `unbound version constraints (${constraint}) should be avoided`
  const isExact = parsed.kind === 'version' && parsed.operator === '=='
  if (!isExact || !constraintsIntersect(parsed, FROM_ONE)) return null
  return `exact version constraints (${constraint}) should be avoided if the package follows semantic versioning`
}

function checkConflictsWithReplaced(check: ManifestCheck): void {
  const replaced = new Set(Object.keys(check.fields.get('replace') ?? {}))
  const kept: [string, JsonValue][] = []
  for (const [target, constraint] of Object.entries((check.fields.get('conflict') ?? {}) as Record<string, JsonValue>)) {
    if (!replaced.has(target)) {
      kept.push([target, constraint])
      continue
    }
    const reason =
      'you cannot conflict with a package that is also replaced, as replace already creates an implicit conflict rule'
    check.errors.push(`conflict.${target} : ${reason}`)
  }
  setOrDelete(check, 'conflict', Object.fromEntries(kept))
}
