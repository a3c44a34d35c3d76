/**
 * Cuts ASCII white space (space, tab, line feed, vertical tab, form feed, carriage return) and NUL off both ends, in
 * linear time. The reference implementation knows no Unicode spaces, so `String.trim` would accept too much.
 */
export function trimAscii(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isAsciiSpace(text.charCodeAt(start))) start++
  while (end > start && isAsciiSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isAsciiSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0
}
