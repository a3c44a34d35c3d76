/** The metadata of one version, or its difference to the one before; keys keep their order. */
export type VersionData = Readonly<Record<string, unknown>>

/** The value of `minified` that tells clients to expand. */
export const MINIFIED_MARKER = 'composer/2.0'

const UNSET = '__unset'

/**
 * Writes a list of complete versions as differences (CO-025, CO-108, contract §2.4). Values are compared by type and, in
 * maps too, by order. The format cannot hold the text `__unset` as the value of a top-level key: such a key is left out.
 */
export function minifyVersions(versions: readonly VersionData[]): VersionData[] {
  const current = new Map<string, unknown>()
  return versions.map((version) => toDifference(current, withoutUnset(version)))
}

/** Restores the complete versions from a list of differences (CO-026, contract §2.4). Values are shared, not copied. */
export function expandVersions(differences: readonly VersionData[]): VersionData[] {
  const current = new Map<string, unknown>()
  return differences.map((difference, index) => {
    for (const [key, value] of Object.entries(difference)) {
      if (value === UNSET && index > 0) current.delete(key)
      else current.set(key, value)
    }
    return Object.fromEntries(current)
  })
}

/**
 * Whether two JSON values are the same to a client: same types, same order of list items and of map keys. Values nested
 * deeper than 100 levels count as different.
 */
export function isIdenticalJson(a: unknown, b: unknown, depth = 0): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth > 100) return false
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && isIdenticalList(a, b, depth)
  return isIdenticalMap(a, b, depth)
}

function isIdenticalList(a: readonly unknown[], b: readonly unknown[], depth: number): boolean {
  return a.length === b.length && a.every((item, index) => isIdenticalJson(item, b[index], depth + 1))
}

function isIdenticalMap(a: object, b: object, depth: number): boolean {
  const entries = Object.entries(a)
  const others = Object.entries(b)
  if (entries.length !== others.length) return false
  return entries.every(([key, value], index) => {
    const other = others[index]
    return other !== undefined && key === other[0] && isIdenticalJson(value, other[1], depth + 1)
  })
}

function withoutUnset(version: VersionData): [string, unknown][] {
  return Object.entries(version).filter(([, value]) => value !== UNSET)
}

/** Brings `current` to the state of `version` and returns what changed, removed keys last. */
function toDifference(current: Map<string, unknown>, version: readonly (readonly [string, unknown])[]): VersionData {
  const difference: [string, unknown][] = []
  const present = new Set<string>()
  for (const [key, value] of version) {
    present.add(key)
    if (current.has(key) && isIdenticalJson(current.get(key), value)) continue
    current.set(key, value)
    difference.push([key, value])
  }
  for (const key of [...current.keys()]) {
    if (present.has(key)) continue
    current.delete(key)
    difference.push([key, UNSET])
  }
  // Unlike assignment, fromEntries stores a key called `__proto__` as data.
  return Object.fromEntries(difference)
}
