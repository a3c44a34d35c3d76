import { expect, test } from 'bun:test'
import { expandVersions, isIdenticalJson, minifyVersions, type VersionData } from './minify.ts'

test('keys named like object properties are data', () => {
  const versions = JSON.parse(
    '[{"__proto__": {"x": 1}, "constructor": 1}, {"constructor": 1}, {"__proto__": {"x": 2}}]',
  ) as VersionData[]
  const minified = minifyVersions(versions)

  expect(JSON.stringify(minified)).toBe(
    '[{"__proto__":{"x":1},"constructor":1},{"__proto__":"__unset"},{"__proto__":{"x":2},"constructor":"__unset"}]',
  )
  expect(JSON.stringify(expandVersions(minified))).toBe(JSON.stringify(versions))
  expect(({} as { x?: number }).x).toBeUndefined()
})

test('null is a value and not a deletion', () => {
  expect(minifyVersions([{ abandoned: true }, { abandoned: null }])).toEqual([{ abandoned: true }, { abandoned: null }])
})

test('a value that reads like the deletion marker is left out, since the format cannot hold it', () => {
  const minified = minifyVersions([
    { version: '2', description: '__unset' },
    { version: '1', description: '__unset' },
  ])

  expect(minified).toEqual([{ version: '2' }, { version: '1' }])
})

test('the marker is an ordinary text inside values', () => {
  const versions = [{ version: '2', extra: { a: '__unset' } }, { version: '1' }, { version: '0', extra: ['__unset'] }]

  expect(expandVersions(minifyVersions(versions))).toEqual(versions)
})

test('neither direction changes its input', () => {
  const versions = Object.freeze([Object.freeze({ version: '2', type: 'library' }), Object.freeze({ version: '1' })])

  expect(expandVersions(Object.freeze(minifyVersions(versions)))).toEqual([...versions])
})

test('values nested too deeply to be compared are repeated', () => {
  const nested = (): unknown => JSON.parse('['.repeat(5000) + ']'.repeat(5000))

  expect(isIdenticalJson(nested(), nested())).toBe(false)
  expect(minifyVersions([{ extra: nested() }, { extra: nested() }])).toHaveLength(2)
})

test('two thousand versions are minified within a fraction of a second', () => {
  const versions = Array.from({ length: 2000 }, (_, index) => ({
    version: `1.0.${index}`,
    require: Object.fromEntries(Array.from({ length: 40 }, (__, link) => [`acme/p${link}`, `^${link}.0`])),
    autoload: { 'psr-4': { 'Acme\\': 'src/' } },
  }))
  const started = performance.now()
  const minified = minifyVersions(versions)

  expect(Object.keys(minified.at(-1) ?? {})).toEqual(['version'])
  expect(expandVersions(minified)).toHaveLength(2000)
  expect(performance.now() - started).toBeLessThan(1000)
})
