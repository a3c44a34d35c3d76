/** Characters that a stored line has at most. */
export const LINE_LENGTH = 2_000

/** Longer input is cut before it is looked at, so that the cost of a line is bounded. */
const INPUT_LENGTH = 4 * LINE_LENGTH
const ESCAPE_SEQUENCE = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
const SPACING = /[\t\n\u000b\f\r\u0085\u2028\u2029]+/g
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g
/** Marks that reorder or hide text on a screen: bidirectional controls, zero-width marks, the byte order mark. */
const INVISIBLE = /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

/**
 * Text of foreign origin as one line that is safe to store and to print: no terminal sequences, no control, bidirectional
 * or invisible characters, line breaks as spaces, well-formed UTF-16, at most `LINE_LENGTH` characters.
 */
export function toInertLine(text: string): string {
  const clean = text
    .slice(0, INPUT_LENGTH)
    .replaceAll(ESCAPE_SEQUENCE, '')
    .replaceAll(SPACING, ' ')
    .replaceAll(CONTROL, '')
    .replaceAll(INVISIBLE, '')
    .trim()
  if (clean.length <= LINE_LENGTH && text.length <= INPUT_LENGTH) {
    return clean.toWellFormed()
  }
  return `${clean.slice(0, LINE_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`.toWellFormed()
}
