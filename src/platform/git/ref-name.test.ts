import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { findRefNameFault, toReadableName } from './ref-name.ts'

describe('a ref name', () => {
  test('is taken or refused as git itself does', () => {
    const part = fc.constantFrom(
      'a',
      'é',
      '/',
      '.',
      '..',
      '.lock',
      '@',
      '@{',
      '{',
      '-',
      '~',
      '^',
      ':',
      '?',
      '*',
      '[',
      '\\',
      ' ',
      '\u007f',
      '\u0001',
      'lock',
      '"',
      '$(id)',
      ';',
    )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const name = `refs/tags/${parts.join('')}`
        const taken = Bun.spawnSync(['git', 'check-ref-format', name]).exitCode === 0
        expect({ name, taken: findRefNameFault(name) === null }).toEqual({ name, taken })
      }),
      { numRuns: 300 },
    )
  })

  test('is shown as text, with bytes that are not UTF-8 as escapes', () => {
    const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
    expect(toReadableName('v1.0')).toBe('v1.0')
    expect(toReadableName(latin1('größe 🚀'))).toBe('größe 🚀')
    expect(toReadableName('a\u{ff}b')).toBe('a\\xffb')
    expect(toReadableName(`\u{c3}${latin1('ß')}\u{f0}\u{9f}`)).toBe('\\xc3ß\\xf0\\x9f')
  })
})
