import { invalidInput } from '../kernel/errors.ts'

const PATTERN = /^[a-z0-9*]([a-z0-9._*-]*)(\/[a-z0-9*]([a-z0-9._*-]*))?$/
const MAX_PATTERNS = 500
const MAX_LENGTH = 200

/**
 * Package name patterns as given by people: `*` stands for any run of characters, also across the slash, as in
 * Composer's `available-package-patterns`. Null and the empty list mean every package. Throws `invalid_input`.
 */
export function parsePackageGlobs(patterns: readonly string[] | null): string[] | null {
  if (patterns === null || patterns.length === 0) {
    return null
  }
  if (patterns.length > MAX_PATTERNS) {
    throw invalidInput('packages', `give at most ${MAX_PATTERNS} patterns`)
  }
  const parsed = patterns.map((pattern) => pattern.trim().toLowerCase())
  for (const pattern of parsed) {
    if (pattern.length > MAX_LENGTH || !PATTERN.test(pattern)) {
      throw invalidInput('packages', `"${pattern}" is not a package name or pattern such as "acme/*"`)
    }
  }
  return [...new Set(parsed)]
}

/** Whether a package name is covered; null covers every name. Linear in the name for each pattern, no regular expression. */
export function coversPackage(globs: readonly string[] | null, name: string): boolean {
  return globs === null || globs.some((glob) => matchesGlob(glob, name))
}

function matchesGlob(glob: string, name: string): boolean {
  const parts = glob.split('*')
  if (parts.length === 1) {
    return glob === name
  }
  const head = parts[0] ?? ''
  const tail = parts.at(-1) ?? ''
  if (name.length < head.length + tail.length || !name.startsWith(head) || !name.endsWith(tail)) {
    return false
  }
  const end = name.length - tail.length
  let position = head.length
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, position)
    if (found < 0 || found + part.length > end) {
      return false
    }
    position = found + part.length
  }
  return true
}
