import { describe, expect, test } from 'bun:test'
import { parseExpiry } from '../../src/cli/expiry.ts'
import { toInert, toInertLines } from '../../src/cli/inert.ts'
import { formatBar } from '../../src/cli/progress-view.ts'
import { formatTable } from '../../src/cli/table.ts'

describe('text of foreign origin', () => {
  test.each([
    ['\u001b]0;title\u0007', '\\u{1b}]0;title\\u{7}'],
    ['a\nb\r', 'a\\u{a}b\\u{d}'],
    ['safe\u202Egnp.exe', 'safe\\u{202e}gnp.exe'],
    ['zero\u200bwidth', 'zero\\u{200b}width'],
    ['\ud800', '\\u{d800}'],
    ['\u009b31m', '\\u{9b}31m'],
    ['naïve 日本 🎉', 'naïve 日本 🎉'],
  ])('%j becomes %j', (text, inert) => {
    expect(toInert(text)).toBe(inert)
  })

  test('the lines of a text stay lines', () => {
    expect(toInertLines('a\r\nb\u0007\nc')).toBe('a\nb\\u{7}\nc')
  })
})

describe('a table', () => {
  test('aligns by what is seen, also for wide characters', () => {
    expect(
      formatTable(
        ['A', 'B'],
        [
          ['日本', '1'],
          ['abc', '2'],
        ],
        null,
      ),
    ).toBe('A     B\n日本  1\nabc   2')
  })

  test('cuts the last column to the terminal and nothing elsewhere', () => {
    const rows = [['name', 'x'.repeat(100)]]

    expect(Bun.stringWidth(formatTable(['A', 'B'], rows, 60).split('\n')[1] ?? '')).toBe(60)
    expect(formatTable(['A', 'B'], rows, null).split('\n')[1]).toHaveLength(106)
  })

  test('cannot be broken by a cell', () => {
    expect(formatTable(['A'], [['x\nforged']], null).split('\n')).toHaveLength(2)
  })
})

describe('the progress bar', () => {
  test.each([
    [{ done: 0, total: 10 }, '[........................]   0% Reading 0/10'],
    [{ done: 5, total: 10 }, '[############............]  50% Reading 5/10'],
    [{ done: 12, total: 10 }, '[########################] 100% Reading 12/10'],
    [{ done: 0, total: null }, 'Reading …'],
    [{ done: 7, total: null }, 'Reading … 7'],
    [{ done: 0, total: 0 }, 'Reading …'],
  ])('of %p', (progress, bar) => {
    expect(formatBar('Reading', progress, 80)).toBe(bar)
  })

  test('never fills the line, which would make the terminal begin another', () => {
    expect(formatBar('Reading', { done: 1, total: 2 }, 30)).toHaveLength(29)
  })
})

describe('an expiry', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')

  test.each([
    ['12h', '2026-03-02T00:00:00.000Z'],
    ['30d', '2026-03-31T12:00:00.000Z'],
    ['2w', '2026-03-15T12:00:00.000Z'],
    ['1y', '2027-03-01T12:00:00.000Z'],
    ['2027-01-01', '2027-01-01T00:00:00.000Z'],
    ['2027-01-01T10:00+02:00', '2027-01-01T08:00:00.000Z'],
    ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(new Date(parseExpiry(text, now)).toISOString()).toBe(instant)
  })

  test.each([['2027-02-29'], ['2027-13-01'], ['-1d'], ['1.5d'], [''], ['1 d'], ['99999999d']])('%j is none', (text) => {
    expect(() => parseExpiry(text, now)).toThrow('Give a duration')
  })
})
