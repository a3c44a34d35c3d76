/** A lower-case `vendor/name` that may be published: it satisfies contract §6.1 and is no platform package. */
export type PackageName = string & { readonly __packageName: unique symbol }

/** Longer names are refused, as no index and no file name could hold them. */
export const MAX_PACKAGE_NAME_LENGTH = 255

/** Vendor and package parts that no package may have, because some file systems cannot store them. */
export const RESERVED_NAME_PARTS: readonly string[] = [
  ...['nul', 'con', 'prn', 'aux'],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `com${digit}`),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => `lpt${digit}`),
]

// Each repetition takes one character after an optional separator, which keeps hostile names from backtracking.
const PACKAGE_NAME = /^[a-z0-9](?:[_.-]?[a-z0-9])*\/[a-z0-9](?:(?:[_.]|-{1,2})?[a-z0-9])*$/i
const PLATFORM_PACKAGE =
  /^(?:php(?:-(?:64bit|ipv6|zts|debug))?|hhvm|(?:ext|lib)-[a-z0-9](?:[_.-]?[a-z0-9])*|composer(?:-(?:plugin|runtime)-api)?)$/i
const WORD_START = /([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g
const EXPECTED_PATTERN = '"^[a-z0-9]([_.-]?[a-z0-9]+)*/[a-z0-9](([_.]?|-{0,2})[a-z0-9]+)*$"'

/** True for names that stand for PHP, its extensions, libraries and Composer itself; no repository is asked for them. */
export function isPlatformPackage(name: string): boolean {
  return PLATFORM_PACKAGE.test(name)
}

/**
 * Why a text is not the name of a package (CO-110, contract §6.1), in the words that clients show; null when it is one.
 * Platform names pass; use `parsePackageName` for names that are to be published.
 */
export function packageNameProblem(name: string): string | null {
  const problem = structuralProblem(name)
  if (problem !== null || isPlatformPackage(name) || !/[A-Z]/.test(name)) return problem
  return `${name} is invalid, it should not contain uppercase characters. We suggest using ${suggestName(name)} instead.`
}

/** Like `packageNameProblem` for the names that a manifest requires, replaces and so on. */
export function linkNameProblem(name: string): string | null {
  const problem = structuralProblem(name)
  if (problem !== null || isPlatformPackage(name) || !/[A-Z]/.test(name)) return problem
  return `${name} is invalid, it should not contain uppercase characters. Please use ${name.toLowerCase()} instead.`
}

/**
 * The canonical name for a text in any letter case; null when it could not be published: malformed, reserved, too long
 * or a platform package.
 */
export function parsePackageName(text: string): PackageName | null {
  if (text.length > MAX_PACKAGE_NAME_LENGTH || isPlatformPackage(text)) return null
  // Checked before lower-casing too, because some letters outside ASCII have a lower case inside it.
  if (structuralProblem(text) !== null) return null
  const name = text.toLowerCase()
  return structuralProblem(name) === null ? (name as PackageName) : null
}

function structuralProblem(name: string): string | null {
  if (isPlatformPackage(name)) return null
  if (!PACKAGE_NAME.test(name)) {
    const expectation = 'it should have a vendor name, a forward slash, and a package name'
    const words = 'The vendor and package name can be words separated by -, . or _'
    return `${name} is invalid, ${expectation}. ${words}. The complete name should match ${EXPECTED_PATTERN}.`
  }
  if (name.toLowerCase().split('/').some(isReserved)) {
    return `${name} is reserved, package and vendor names can not match any of: ${RESERVED_NAME_PARTS.join(', ')}.`
  }
  if (name.endsWith('.json')) {
    return `${name} is invalid, package names can not end in .json, consider renaming it or perhaps using a -json suffix instead.`
  }
  return null
}

function isReserved(part: string): boolean {
  return RESERVED_NAME_PARTS.includes(part)
}

function suggestName(name: string): string {
  return name.replace(WORD_START, '$1$3-$2$4').toLowerCase()
}
