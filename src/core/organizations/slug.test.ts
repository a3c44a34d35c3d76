import { expect, test } from 'bun:test'
import { parseSlug, RESERVED_SLUGS } from './slug.ts'

test.each(['acme', 'a', 'acme-2', 'a.b_c', '2024', 'a'.repeat(64)])('%s is a slug', (slug) => {
  expect(parseSlug(slug)).toBe(slug)
})

test.each(['', 'Acme', 'a b', '-a', 'a-', '.a', 'a..b', 'a/b', '~a', 'a'.repeat(65), 'ä', 'x.json', 'a%2f', 'a\n'])(
  '%j is refused',
  (slug) => {
    expect(() => parseSlug(slug)).toThrow(
      expect.objectContaining({ code: 'invalid_input', details: expect.objectContaining({ field: 'slug' }) }),
    )
  },
)

test.each([...RESERVED_SLUGS])('%s is kept for the server', (slug) => {
  expect(() => parseSlug(slug)).toThrow(expect.objectContaining({ code: 'invalid_input' }))
})
