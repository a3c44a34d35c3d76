import { expect, test } from 'bun:test'
import {
  compareStability,
  isStabilityAcceptable,
  normalizeStability,
  parseStability,
  readRootRequirement,
  STABILITIES,
} from './stability.ts'

test('stability words are read in any letter case, anything else is refused', () => {
  expect(normalizeStability('rc')).toBe('RC')
  expect(normalizeStability('STABLE')).toBe('stable')
  expect(normalizeStability('')).toBeNull()
  expect(normalizeStability('constructor')).toBeNull()
})

test('stabilities are listed from the most to the least stable', () => {
  expect([...STABILITIES].reverse().sort(compareStability)).toEqual([...STABILITIES])
})

test('a flag can narrow what the minimum stability allows', () => {
  expect(isStabilityAcceptable('beta', { minimum: 'dev', flag: null })).toBe(true)
  expect(isStabilityAcceptable('beta', { minimum: 'dev', flag: 'stable' })).toBe(false)
})

test('huge and repetitive texts are judged at once', () => {
  expect(parseStability(`1.0-beta${'1'.repeat(100_000)}!`)).toBe('stable')
  expect(parseStability('+'.repeat(100_000))).toBe('stable')
  expect(readRootRequirement('@'.repeat(100_000), 'stable').flag).toBeNull()
  expect(readRootRequirement(`dev-a${'#a'.repeat(50_000)}`, 'stable').reference).toBeNull()
})
