import { tryParseConstraint } from './constraints.ts'
import { MAX_VERSION_LENGTH, normalizeBranch, shortenDevVersion } from './normalize-version.ts'

export {
  DEFAULT_BRANCH_ALIAS,
  InvalidVersion,
  isNumericBranch,
  MAX_VERSION_LENGTH,
  normalizeBranch,
  normalizeVersion,
  parseNumericAliasPrefix,
  shortenDevVersion,
  tryNormalizeVersion,
} from './normalize-version.ts'

/** A version as it is shown and as it is compared. */
export interface VersionPair {
  readonly version: string
  readonly normalized: string
}

/**
 * What a VCS import makes of a branch (CO-118, contract §5.3). Null when the name is too long or cannot be written in a
 * constraint, in which case the branch is skipped.
 */
export function branchVersion(name: string): VersionPair | null {
  if (name.length > MAX_VERSION_LENGTH) return null
  const normalized = normalizeBranch(name)
  if (tryParseConstraint(normalized) === null) return null
  if (normalized.startsWith('dev-')) {
    return { version: `dev-${name.replaceAll('#', '+')}`, normalized: normalized.replaceAll('#', '+') }
  }
  const prefix = name.startsWith('v') ? 'v' : ''
  return { version: prefix + shortenDevVersion(normalized), normalized }
}
