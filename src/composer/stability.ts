import { splitAlternatives, splitRequirements } from './constraint-split.ts'
import { MODIFIER } from './normalize-version.ts'

/** How far a version is from release, as Composer names it. */
export type Stability = 'stable' | 'RC' | 'beta' | 'alpha' | 'dev'

/** All stabilities, the most stable first. */
export const STABILITIES: readonly Stability[] = ['stable', 'RC', 'beta', 'alpha', 'dev']

const TRAILING_MODIFIER = new RegExp(String.raw`${MODIFIER}(?:\+.*)?$`)
const EXPLICIT_FLAG = /^[^@]*@(stable|rc|beta|alpha|dev)$/i
const ALIASED = /^([^,\t\n\v\f\r @]+) as .+$/
const SINGLE_LITERAL = /^[^,\t\n\v\f\r @]+$/
const COMMIT_REFERENCE = /^[^,\t\n\v\f\r @#]+#([a-f0-9]+)$/

/** No version or constraint part that parses is this long; of longer texts only the ends are looked at. */
const MAX_LENGTH = 2048

/** The stability that a version literal, normalised or not, spells (CO-102, contract §5.4). Never fails: the default is `stable`. */
export function parseStability(version: string): Stability {
  const text = version.replace(/#.+$/s, '')
  if (text.startsWith('dev-') || text.endsWith('-dev')) return 'dev'
  if (text.length > MAX_LENGTH) return 'stable'
  const match = TRAILING_MODIFIER.exec(text.toLowerCase())
  if (match?.[3] !== undefined) return 'dev'
  switch (match?.[1]) {
    case 'beta':
    case 'b':
      return 'beta'
    case 'alpha':
    case 'a':
      return 'alpha'
    case 'rc':
      return 'RC'
    default:
      return 'stable'
  }
}

/** The stability that a word names in any letter case, as in `minimum-stability`; null for any other word. */
export function normalizeStability(text: string): Stability | null {
  const lower = text.toLowerCase()
  return STABILITIES.find((stability) => stability.toLowerCase() === lower) ?? null
}

/** Negative when `a` is more stable than `b`, positive when less, 0 when equal. */
export function compareStability(a: Stability, b: Stability): number {
  return STABILITIES.indexOf(a) - STABILITIES.indexOf(b)
}

/** What a root project accepts for one package: its minimum stability and the flag of its requirement, if there is one. */
export interface StabilityLimits {
  readonly minimum: Stability
  readonly flag: Stability | null
}

/** Whether versions of this stability may be installed; a flag replaces the minimum in both directions (CO-106). */
export function isStabilityAcceptable(stability: Stability, { minimum, flag }: StabilityLimits): boolean {
  return compareStability(stability, flag ?? minimum) <= 0
}

/** What the constraint of one root requirement says beyond the versions that it matches. */
export interface RootRequirement {
  /** The stability flag, explicit or implied; null when the minimum stability decides. */
  readonly flag: Stability | null
  /** The commit that `dev-x#<commit>` pins, or null. */
  readonly reference: string | null
  /** Whether a client asks for the `~dev` metadata file of this package. */
  readonly fetchesDevFile: boolean
}

/** Reads flag and reference of a root requirement the way a client does before it asks for metadata (CO-106, contract §2.1 and §5.4). */
export function readRootRequirement(constraint: string, minimum: Stability): RootRequirement {
  const parts = splitAlternatives(constraint).flatMap(splitRequirements)
  const flag = explicitFlag(parts) ?? impliedFlag(parts, minimum)
  return { flag, reference: pinnedCommit(constraint), fetchesDevFile: isStabilityAcceptable('dev', { minimum, flag }) }
}

function explicitFlag(parts: readonly string[]): Stability | null {
  return leastStable(parts.map((part) => normalizeStability(EXPLICIT_FLAG.exec(part)?.[1] ?? '')))
}

function impliedFlag(parts: readonly string[], minimum: Stability): Stability | null {
  return leastStable(parts.map((part) => literalStability(part, minimum)))
}

function literalStability(part: string, minimum: Stability): Stability | null {
  const literal = withoutAlias(part)
  if (!SINGLE_LITERAL.test(literal)) return null
  const stability = parseStability(literal)
  return stability === 'stable' || compareStability(stability, minimum) < 0 ? null : stability
}

function leastStable(stabilities: readonly (Stability | null)[]): Stability | null {
  let least: Stability | null = null
  for (const stability of stabilities) {
    if (stability !== null && (least === null || compareStability(stability, least) > 0)) least = stability
  }
  return least
}

function pinnedCommit(constraint: string): string | null {
  if (constraint.length > MAX_LENGTH) return null
  const literal = withoutAlias(constraint)
  const reference = COMMIT_REFERENCE.exec(literal)?.[1]
  return reference !== undefined && parseStability(literal) === 'dev' ? reference : null
}

function withoutAlias(text: string): string {
  return ALIASED.exec(text)?.[1] ?? text
}
