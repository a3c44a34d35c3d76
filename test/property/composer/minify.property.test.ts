import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { expandVersions, isIdenticalJson, minifyVersions, type VersionData } from '../../../src/composer/index.ts'

const key = fc.constantFrom('name', 'version', 'require', 'extra', 'keywords', '__proto__', 'constructor', 'toString')
const value = fc.oneof(
  fc.constantFrom(null, true, false, 0, 1, '1', '', {}, [], { a: 1, b: 2 }, { b: 2, a: 1 }, [1, 2], [2, 1]),
  fc.jsonValue({ maxDepth: 2 }),
)
const version = fc
  .array(fc.tuple(key, value), { maxLength: 8 })
  .map((entries): VersionData => Object.fromEntries(entries.filter(([, content]) => content !== '__unset')))
const versions = fc.array(version, { maxLength: 8 })

test('expanding minified versions gives the versions back', () => {
  fc.assert(
    fc.property(versions, (list) => {
      expect(expandVersions(minifyVersions(list)).map(byKey)).toEqual(list.map(byKey))
    }),
    { numRuns: 1000 },
  )
})

test('expanding keeps the types and the order of keys inside values', () => {
  fc.assert(
    fc.property(versions, (list) => {
      const expanded = expandVersions(minifyVersions(list))
      expect(JSON.stringify(expanded.map(byKey))).toBe(JSON.stringify(list.map(byKey)))
    }),
  )
})

test('values are identical exactly when they are written alike', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(isIdenticalJson(a, b)).toBe(JSON.stringify(a) === JSON.stringify(b))
    }),
    { numRuns: 1000 },
  )
})

/** The format does not keep the order of top-level keys, so that versions are compared by sorted entries. */
function byKey(data: VersionData): [string, unknown][] {
  return Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1))
}
