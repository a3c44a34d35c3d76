import { describe, expect, test } from 'bun:test'
import { LINE_LENGTH, toInertLine } from './inert-line.ts'

describe('inert lines', () => {
  test('ordinary text of any language stays as it is', () => {
    expect(toInertLine('Größe 12 kB → 東京 🚀 ok')).toBe('Größe 12 kB → 東京 🚀 ok')
  })

  test('terminal sequences vanish with their parameters', () => {
    expect(toInertLine('\u001b[31mred\u001b[0m \u001b]0;title\u0007x \u001b]8;;http://a\u001b\\link\u001b]8;;\u001b\\')).toBe(
      'red x link',
    )
  })

  test('an unfinished terminal sequence and 8-bit controls leave no control character', () => {
    expect(toInertLine('a\u001b[31')).toBe('a[31')
    expect(toInertLine('a\u009b31mb\u0000c\u0008d')).toBe('a31mbcd')
  })

  test('line breaks of every kind become spaces', () => {
    expect(toInertLine('one\r\ntwo\nthree\u2028four\tfive\n')).toBe('one two three four five')
  })

  test('characters that reorder or hide text vanish', () => {
    expect(toInertLine('safe\u202egnp.exe\u2066x\u2069\u200b\ufeff\u{e0041}')).toBe('safegnp.exex')
  })

  test('half of a surrogate pair is replaced', () => {
    expect(toInertLine('a\ud83d')).toBe('a\ufffd')
  })

  test('long text is cut without splitting a character', () => {
    const line = toInertLine(`${'x'.repeat(LINE_LENGTH - 2)}🚀🚀`)

    expect(line).toBe(`${'x'.repeat(LINE_LENGTH - 2)}…`)
    expect(toInertLine('y'.repeat(LINE_LENGTH))).toBe('y'.repeat(LINE_LENGTH))
  })

  test('hostile text of any size takes bounded time', () => {
    const begin = performance.now()

    toInertLine('\u001b]'.repeat(2_000_000))

    expect(performance.now() - begin).toBeLessThan(500)
  })
})
