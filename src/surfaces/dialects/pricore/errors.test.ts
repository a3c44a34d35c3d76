import { expect, test } from 'bun:test'
import { DomainError, ERROR_CATALOGUE, invalidInput, type ErrorCode, type ErrorKind } from '../../../core/kernel/errors.ts'
import { invalid, presentError } from './errors.ts'

const EXPECTED: Record<ErrorKind, number> = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 422,
  gone: 410,
  too_large: 413,
  limited: 429,
  unavailable: 503,
  upstream: 502,
}

test.each(Object.keys(ERROR_CATALOGUE) as ErrorCode[])('PR-015 %s has a status and a message in JSON', async (code) => {
  const response = presentError(new DomainError(code, { field: 'name', problem: 'wrong', scope: 'package:read' }))

  expect(response.status).toBe(EXPECTED[ERROR_CATALOGUE[code].kind])
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toMatchObject({ message: expect.stringMatching(/\S/) })
  expect(response.headers.has('retry-after')).toBe([429, 503].includes(response.status))
})

test('PR-014 a refusal of the core names its field', async () => {
  expect(await presentError(invalidInput('name', 'give fewer characters')).json()).toEqual({
    message: 'give fewer characters',
    errors: { name: ['give fewer characters'] },
  })
})

test.each([
  [{ a: ['One.'] }, 'One.'],
  [{ a: ['One.', 'Two.'] }, 'One. (and 1 more error)'],
  [{ a: ['One.'], b: ['Two.'], c: ['Three.'] }, 'One. (and 2 more errors)'],
])('PR-014 the message of %j is %s', async (errors, message) => {
  expect(await invalid(errors).json()).toEqual({ message, errors })
})
