import { describe, expect, test } from 'bun:test'
import {
  constraintsIntersect,
  InvalidConstraint,
  isUnbounded,
  matchesConstraint,
  matchesNothing,
  MAX_CONSTRAINT_LENGTH,
  parseConstraint,
  printConstraint,
  satisfies,
  tryParseConstraint,
  upperBound,
} from './constraints.ts'

test('a constraint that cannot be parsed is refused with the text and a hint', () => {
  expect(() => parseConstraint('~>1.2')).toThrow(InvalidConstraint)
  expect(() => parseConstraint('~>1.2')).toThrow('use "~"')
  expect(() => parseConstraint('x'.repeat(1_000_000))).toThrow(InvalidConstraint)
})

test('details of the reference that are easy to lose', () => {
  expect(printConstraint(parseConstraint('<1.0-RC1'))).toBe('< 1.0.0.0-RC1-dev')
  expect(printConstraint(parseConstraint('<1.0-beta1'))).toBe('< 1.0.0.0-beta1')
  expect(printConstraint(parseConstraint('-dev'))).toBe('== dev-')
  expect(printConstraint(parseConstraint('* || 1.0'))).toBe('[* || == 1.0.0.0]')
  expect(tryParseConstraint('1.0  - 2.0')).toBeNull()
  expect(tryParseConstraint('dev-main  as 1.0')).toBeNull()
  expect(satisfies('1.5.0', '^99999999999999999999999 || ^1.0')).toBe(true)
})

test('whole texts are what is cached: equal texts give one constraint, other texts their own', () => {
  expect(parseConstraint('^1.0')).toBe(parseConstraint('^1.0'))
  expect(parseConstraint('^1.1')).not.toEqual(parseConstraint('^1.0'))
  expect(tryParseConstraint('__proto__')).toBeNull()
  expect(tryParseConstraint('constructor')).toBeNull()
})

describe('intersections', () => {
  test.each([
    ['^1.0', '^2.0', false],
    ['^1.0', '>=1.5', true],
    ['<=1.0', '>=1.0-stable', true],
    ['<1.0-stable', '>=1.0-stable', false],
    ['dev-main', '!=dev-main', false],
    ['dev-main', '!=1.0', true],
    ['dev-main', '^1.0', false],
    ['!=dev-main', '!=dev-other', true],
    ['*', 'dev-anything', true],
    ['1.0 || 3.0', '2.0 || 3.0', true],
    ['>=1 <2 !=1.5.0', '1.5.0', false],
    ['>1 <1', '*', false],
  ])('%s and %s: %p', (a, b, expected) => {
    expect(constraintsIntersect(parseConstraint(a), parseConstraint(b))).toBe(expected)
  })

  test('constraints that contradict themselves match nothing', () => {
    expect(
      ['>1 <1', '1.0, 2.0', 'dev-a dev-b', 'dev-a ^1.0', '<dev-main'].filter((text) => !matchesNothing(parseConstraint(text))),
    ).toEqual([])
    expect(['*', '!=1.0', '<2', 'dev-a', '1.0 | >1 <1'].filter((text) => matchesNothing(parseConstraint(text)))).toEqual([])
  })
})

test('a constraint is unbounded when it admits every later release', () => {
  expect(['*', '>=1', '!=1.0', 'dev-main', '^1 || >3'].filter((text) => !isUnbounded(upperBound(parseConstraint(text))))).toEqual(
    [],
  )
  expect(['^1', '1.0', '<=3', '1.0 | 2.0'].filter((text) => isUnbounded(upperBound(parseConstraint(text))))).toEqual([])
})

describe('hostile constraints', () => {
  const fill = (unit: string): string => unit.repeat(Math.floor(MAX_CONSTRAINT_LENGTH / unit.length))

  test.each([' ', ' |', '- ', ' ,', '1 ', '1.', '#', '@', '~1.', 'dev-#', '1.0-b1', '>', '^1 - ', '\t', '1|', 'as '])(
    '%j repeated ends quickly',
    (unit) => {
      const started = performance.now()
      const constraint = tryParseConstraint(`1.0${fill(unit)}!`.slice(0, MAX_CONSTRAINT_LENGTH))
      if (constraint !== null) matchesNothing(constraint)

      expect(performance.now() - started).toBeLessThan(1000)
    },
  )

  test('thousands of alternatives are parsed, matched and intersected quickly', () => {
    const started = performance.now()
    const text = Array.from({ length: 3000 }, (_, index) => `${index % 1000}.${index % 7}`)
    const long = parseConstraint(
      text
        .join('|')
        .slice(0, MAX_CONSTRAINT_LENGTH)
        .replace(/\|?[\d.]*$/, ''),
    )

    expect(matchesConstraint(long, '5000.0.0.0')).toBe(false)
    expect(constraintsIntersect(long, long)).toBe(true)
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('a constraint longer than the limit is refused', () => {
    expect(tryParseConstraint('1'.repeat(MAX_CONSTRAINT_LENGTH + 1))).toBeNull()
  })
})
