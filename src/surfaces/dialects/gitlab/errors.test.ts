import { expect, test } from 'bun:test'
import { DomainError, ERROR_CATALOGUE, type ErrorCode, type ErrorKind } from '../../../core/kernel/errors.ts'
import { presentError } from './errors.ts'

const EXPECTED: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  limited: 429,
  unavailable: 503,
  upstream: 502,
}

test.each(Object.keys(ERROR_CATALOGUE) as ErrorCode[])('%s has a status and a text in JSON', async (code) => {
  const response = presentError(new DomainError(code, { kind: 'tag', name: 'v1', problem: 'wrong', scope: 'package:read' }))

  expect(response.status).toBe(EXPECTED[ERROR_CATALOGUE[code].kind])
  expect(response.headers.get('content-type')).toBe('application/json')
  const { message, error } = (await response.json()) as { message?: string; error?: string }
  expect(message ?? error).toMatch(/\S/)
  expect(response.headers.has('retry-after')).toBe([429, 502, 503].includes(response.status))
})
