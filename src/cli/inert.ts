/** Controls, invisible and direction-changing marks, line separators, and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** Text of foreign origin as one line that can neither forge lines nor control a terminal: such characters become `\u{…}`. */
export function toInert(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** The same for a text of several lines, which stay lines. */
export function toInertLines(text: string): string {
  return text.split(/\r?\n/).map(toInert).join('\n')
}
