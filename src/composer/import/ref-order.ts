/** The longest name of a ref that is imported, in UTF-16 units; a directory entry of git has at most 255 bytes as well. */
export const REF_NAME_LIMIT = 255

/** Control characters, line separators and the marks that turn the direction of text around. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u

interface Named {
  name: string
}

/** Orders refs of one kind as git does: by the bytes of their names in UTF-8. */
export function compareRefs(a: Named, b: Named): number {
  if (a.name === b.name) return 0
  const [x, y] = [firstDifference(a.name, b.name), firstDifference(b.name, a.name)]
  // The order of code points is that of UTF-8; the order of UTF-16 units, which `<` goes by, is not.
  return (x ?? -1) - (y ?? -1)
}

/** The code point of `text` at the first place where it differs from `other`; undefined where it ends. */
function firstDifference(text: string, other: string): number | undefined {
  let index = 0
  while (index < text.length && text.charCodeAt(index) === other.charCodeAt(index)) index++
  const isInsidePair =
    index > 0 && (text.charCodeAt(index) & 0xfc00) === 0xdc00 && (text.charCodeAt(index - 1) & 0xfc00) === 0xd800
  return text.codePointAt(isInsidePair ? index - 1 : index)
}

/** Whether Composer's git driver sees a branch: names that begin with a dash and remote heads (`origin/HEAD`) are left out. */
export function isListedBranch(name: string): boolean {
  return !name.startsWith('-') && !/^[^/]+\/HEAD$/.test(name)
}

/** Why a ref cannot be imported whatever it holds (abuse case 2), or null: too long, not UTF-8, or with control characters. */
export function refNameProblem(name: string): string | null {
  if (name.length > REF_NAME_LIMIT) return `invalid name, longer than ${REF_NAME_LIMIT} characters`
  if (name.includes('\ufffd') || !name.isWellFormed()) return 'invalid name, not UTF-8'
  return CONTROL.test(name) ? 'invalid name, it contains control characters' : null
}
