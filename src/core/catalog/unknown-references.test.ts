import { expect, test } from 'bun:test'
import type { PackageId, TokenId } from '../kernel/values.ts'
import { UnknownReferences } from './unknown-references.ts'

function asked(reference: string, at = 0, token = 1) {
  return { package: 1 as PackageId, reference, token: token as TokenId, at }
}

test('a commit that was unknown is not looked for again within a minute', () => {
  const unknown = new UnknownReferences()

  unknown.requireUntried(asked('a'))
  unknown.note(asked('a'))

  expect(() => unknown.requireUntried(asked('a', 59_999))).toThrow(expect.objectContaining({ code: 'dist_not_found' }))
  expect(() => unknown.requireUntried(asked('b', 59_999))).not.toThrow()
  expect(() => unknown.requireUntried(asked('a', 60_000))).not.toThrow()
})

test('a token that guesses commits has to wait, another one has not', () => {
  const unknown = new UnknownReferences()
  for (let index = 0; index < 30; index += 1) {
    unknown.note(asked(`guess-${index}`, 1_000))
  }

  expect(() => unknown.requireUntried(asked('next', 31_000))).toThrow(
    expect.objectContaining({ code: 'request_limited', details: { seconds: 30 } }),
  )
  expect(() => unknown.requireUntried(asked('next', 31_000, 2))).not.toThrow()
  expect(() => unknown.requireUntried(asked('next', 61_000))).not.toThrow()
})

test('what is remembered is bounded', () => {
  const unknown = new UnknownReferences()
  for (let index = 0; index < 10_001; index += 1) {
    unknown.note({ ...asked(`guess-${index}`), token: null })
  }

  expect(() => unknown.requireUntried(asked('guess-0'))).not.toThrow()
  expect(() => unknown.requireUntried(asked('guess-10000'))).toThrow()
})
