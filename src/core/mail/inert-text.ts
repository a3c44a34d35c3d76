const ESCAPE_SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
const SPACING = /\s+/gu
/** Controls, marks that hide or reorder text, and characters that belong to no text. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\u2028\u2029]/gu

/**
 * Text of foreign origin as one line that can neither forge headers or lines nor hide, reorder or colour what is around it: at most `limit`
 * characters, well-formed.
 */
export function toInertText(text: string, limit: number): string {
  const clean = text
    .slice(0, 4 * limit)
    .replaceAll(ESCAPE_SEQUENCE, '')
    .replaceAll(SPACING, ' ')
    .replaceAll(UNSAFE, '')
    .trim()
  const cut = clean.length <= limit ? clean : `${clean.slice(0, limit - 1).replace(/[\ud800-\udbff]$/, '')}…`
  return cut.toWellFormed()
}
