import { expect, test } from 'bun:test'
import { constantTimeEqualHex, sha256Hex } from './digest.ts'

test('SHA-256 is written in lower-case hexadecimal, of texts as UTF-8 and of bytes', () => {
  expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(sha256Hex('ü')).toBe(sha256Hex(new Uint8Array([0xc3, 0xbc])))
})

test('hexadecimal texts are equal when they mean the same bytes', () => {
  expect(constantTimeEqualHex('00ff', '00FF')).toBe(true)
  expect(constantTimeEqualHex('00ff', '00fe')).toBe(false)
})

test('texts of another length, without digits or not hexadecimal are never equal', () => {
  expect(constantTimeEqualHex('00ff', '00')).toBe(false)
  expect(constantTimeEqualHex('', '')).toBe(false)
  expect(constantTimeEqualHex('zz', 'zz')).toBe(false)
  expect(constantTimeEqualHex('abc', 'abc')).toBe(false)
})
