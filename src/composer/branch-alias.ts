import {
  DEFAULT_BRANCH_ALIAS,
  isNumericBranch,
  MAX_VERSION_LENGTH,
  normalizeBranch,
  parseNumericAliasPrefix,
  shortenDevVersion,
} from './normalize-version.ts'

/** What decides about the alias of a dev version. */
export interface BranchAliasInput {
  /** The version as it is shown, as `dev-main`. */
  readonly version: string
  readonly defaultBranch: boolean
  /** The value of `extra.branch-alias` as found in the manifest; anything but a map of texts is passed over. */
  readonly branchAlias: unknown
}

/** The alias of a dev version, as it is shown and as it is compared. */
export interface BranchAlias {
  readonly version: string
  readonly normalized: string
}

/**
 * The one alias that clients derive for a dev version (CO-105, contract §2.6), null when there is none: the first
 * applying entry of `extra.branch-alias`, else `9999999-dev` for a default branch that is not numeric.
 */
export function branchAlias({ version, defaultBranch, branchAlias: declared }: BranchAliasInput): BranchAlias | null {
  if (!version.startsWith('dev-') && !version.endsWith('-dev')) return null
  const normalized = declaredAlias(version, declared)
  if (normalized !== null) return { version: shortenDevVersion(normalized), normalized }
  const isNumeric = parseNumericAliasPrefix(version.replace(/^v/, '')) !== null
  if (!defaultBranch || isNumeric) return null
  return { version: DEFAULT_BRANCH_ALIAS, normalized: DEFAULT_BRANCH_ALIAS }
}

/**
 * The normalised target of a branch alias entry, null when it is not a numeric dev version or not below a numeric source.
 */
export function normalizeAliasTarget(source: string, target: string): string | null {
  if (!target.endsWith('-dev') || target.length > MAX_VERSION_LENGTH) return null
  const normalized = target === DEFAULT_BRANCH_ALIAS ? target : normalizeBranch(target.slice(0, -4))
  if (!isNumericBranch(normalized)) return null
  const sourcePrefix = parseNumericAliasPrefix(source)
  const targetPrefix = parseNumericAliasPrefix(target)
  const isOutside = sourcePrefix !== null && targetPrefix !== null && !targetPrefix.startsWith(sourcePrefix)
  return isOutside ? null : normalized
}

function declaredAlias(version: string, declared: unknown): string | null {
  if (typeof declared !== 'object' || declared === null) return null
  const wanted = lowerAscii(version)
  for (const [source, target] of Object.entries(declared)) {
    if (typeof target !== 'string' || lowerAscii(source) !== wanted) continue
    const normalized = normalizeAliasTarget(source, target)
    if (normalized !== null) return normalized
  }
  return null
}

/** Branch names are compared by their ASCII letters only; git tells all other letters apart. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
