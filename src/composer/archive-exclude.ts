import { matchesPath, parsePathPattern, type PathPattern } from './path-pattern.ts'
import { trimAscii } from './trim-ascii.ts'

/** One line of an exclusion list: paths that match are left out, or with `includes` taken in again. */
export interface ExclusionRule {
  readonly pattern: PathPattern
  readonly includes: boolean
  /** The directory of the package, with a slash in front, for a rule whose paths begin above it. */
  readonly base?: string
}

/** Rules after this many are ignored, in each of the two lists. */
export const MAX_EXCLUSION_RULES = 500

/** The wildcards that the rules of one list may hold together; the rules after that are ignored. */
export const MAX_EXCLUSION_WILDCARDS = 300

const MAX_PATTERN_LENGTH = 512
const MAX_ATTRIBUTES_LENGTH = 262_144
const VCS_DIRECTORIES = new Set(['.svn', '_svn', 'CVS', '_darcs', '.arch-params', '.monotone', '.bzr', '.git', '.hg'])

/**
 * Reads the `export-ignore` and `-export-ignore` lines of the top `.gitattributes` file (CO-077, contract §3.6). Lines
 * with other attributes, and patterns longer than 512 characters, are passed over.
 */
export function parseExportIgnore(gitattributesText: string): ExclusionRule[] {
  const lines = gitattributesText.slice(0, MAX_ATTRIBUTES_LENGTH).split('\n')
  return withinLimits(lines.map((line) => parseAttributesLine(trimAscii(line))))
}

/** Reads `archive.exclude` of a manifest (CO-077, contract §3.6); anything in it that is not text is passed over. */
export function parseArchiveExclude(list: unknown): ExclusionRule[] {
  if (!Array.isArray(list)) return []
  const entries: unknown[] = list.slice(0, MAX_EXCLUSION_RULES)
  return withinLimits(entries.map((entry) => (typeof entry === 'string' ? parseRule(entry) : null)))
}

/**
 * Whether a path is left out of an archive. The last rule that matches the path or a directory above it decides, so the
 * rules of `.gitattributes` go before those of the manifest; VCS directories are out whatever the rules say. The path is
 * relative to the package root, with or without a leading slash.
 */
export function isExcluded(rules: readonly ExclusionRule[], path: string): boolean {
  const rooted = path.startsWith('/') ? path : `/${path}`
  if (rooted.split('/').some((segment) => VCS_DIRECTORIES.has(segment))) return true
  let excluded = false
  for (const { pattern, includes, base = '' } of rules) {
    // Only a rule that would change the outcome needs to be looked at.
    if (excluded === includes && matchesPath(pattern, `${base}${rooted}`)) excluded = !includes
  }
  return excluded
}

/**
 * Rules of a repository as they apply to the package in one of its directories (without slashes at the ends). A rule that names that directory, or
 * one above it, is about the archive of the repository and says nothing about that of the package.
 */
export function rulesBelow(rules: readonly ExclusionRule[], directory: string): ExclusionRule[] {
  const base = `/${directory}`
  return rules.filter(({ pattern }) => !matchesPath(pattern, base)).map((rule) => ({ ...rule, base }))
}

function withinLimits(rules: readonly (ExclusionRule | null)[]): ExclusionRule[] {
  const accepted: ExclusionRule[] = []
  let wildcards = 0
  for (const rule of rules) {
    if (rule === null) continue
    wildcards += rule.pattern.cost
    if (wildcards > MAX_EXCLUSION_WILDCARDS || accepted.length === MAX_EXCLUSION_RULES) break
    accepted.push(rule)
  }
  return accepted
}

function parseAttributesLine(line: string): ExclusionRule | null {
  if (line === '' || line.startsWith('#')) return null
  const fields = line.split(/[\t\v\f\r ]+/)
  const [pattern, attribute] = fields
  if (fields.length !== 2 || pattern === undefined) return null
  if (attribute === 'export-ignore') return parseRule(pattern)
  return attribute === '-export-ignore' ? parseRule(`!${pattern}`) : null
}

function parseRule(text: string): ExclusionRule | null {
  if (text.length > MAX_PATTERN_LENGTH) return null
  const pattern = parsePathPattern(text.replace(/^!+/, ''))
  return pattern === null ? null : { pattern, includes: text.startsWith('!') }
}
