import { SPDX_EXCEPTIONS, SPDX_LICENSES } from './spdx-identifiers.ts'

const REFERENCE = /^(?:documentref-[\p{L}\p{N}.-]+:)?licenseref-[\p{L}\p{N}.-]+$/u
const TOKEN = /\s*([()]|[^\s()]+)/gy
const NESTING_LIMIT = 50

/**
 * Whether a text is a licence expression of the SPDX specification (annex D), case-insensitively as Composer does. `proprietary`,
 * which is Composer's own word, counts as a licence. Surrounding space is an error.
 */
export function isLicenseExpression(text: string): boolean {
  if (text.trim() !== text || text.length > 1000) return false
  const lower = text.toLowerCase()
  if (lower === 'none' || lower === 'noassertion') return true
  const tokens = [...lower.matchAll(TOKEN)].map((match) => match[1] ?? '')
  return skipCompound({ tokens, position: 0 }, 0) === tokens.length
}

interface Cursor {
  tokens: string[]
  position: number
}

/** Returns the position after a compound expression, or -1. */
function skipCompound(cursor: Cursor, depth: number): number {
  if (depth > NESTING_LIMIT || !skipOperand(cursor, depth)) return -1
  while (cursor.tokens[cursor.position] === 'and' || cursor.tokens[cursor.position] === 'or') {
    cursor.position++
    if (!skipOperand(cursor, depth)) return -1
  }
  return cursor.position
}

function skipOperand(cursor: Cursor, depth: number): boolean {
  const token = cursor.tokens[cursor.position++]
  if (token === undefined) return false
  if (token === '(') return skipCompound(cursor, depth + 1) !== -1 && cursor.tokens[cursor.position++] === ')'
  if (!isSimple(token)) return false
  if (cursor.tokens[cursor.position] !== 'with') return true
  const exception = cursor.tokens[cursor.position + 1]
  cursor.position += 2
  return exception !== undefined && SPDX_EXCEPTIONS.has(exception)
}

function isSimple(token: string): boolean {
  if (token === 'proprietary' || REFERENCE.test(token)) return true
  return SPDX_LICENSES.has(token) || (token.endsWith('+') && SPDX_LICENSES.has(token.slice(0, -1)))
}
