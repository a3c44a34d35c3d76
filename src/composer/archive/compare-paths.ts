/** Orders paths by their UTF-8 bytes, as git does; JavaScript's own order differs beyond U+D7FF. */
export function comparePaths(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let position = 0; position < length; position++) {
    const difference = rank(left.charCodeAt(position)) - rank(right.charCodeAt(position))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** Surrogates stand for characters beyond U+FFFF, so they come after all others. */
function rank(code: number): number {
  if (code < 0xd800) return code
  return code < 0xe000 ? code + 0x2000 : code - 0x800
}
