const TOKEN = /[\s\uFEFF]*("(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s\uFEFF{}[\]:,"]+)/gy

/**
 * The members of a JSON object by name, each value as text without white space between its tokens: numbers keep their spelling, objects the order of
 * their members, an empty object stays one. Of members with the same name the last counts, at the place of the first, as PHP has it. Null for a
 * text that is no JSON object.
 */
export function listJsonMembers(text: string): Map<string, string> | null {
  const tokens = tokenize(text)
  if (tokens === null || tokens[0] !== '{') {
    return null
  }
  const members = new Map<string, string>()
  let depth = 0
  let name: string | null = null
  let value = ''
  for (const token of tokens) {
    const isEnd = token === '}' || token === ']'
    depth -= isEnd ? 1 : 0
    if ((depth === 1 && token === ',') || (depth === 0 && isEnd)) {
      if (name !== null) {
        members.set(name, value)
      }
      name = null
      value = ''
    } else if (depth === 1 && name === null) {
      name = JSON.parse(token) as string
    } else if (depth > 1 || value !== '' || token !== ':') {
      value += depth >= 1 ? token : ''
    }
    depth += token === '{' || token === '[' ? 1 : 0
  }
  return members
}

/** Null for what is no JSON; a tokenizer alone would take more than that. */
function tokenize(text: string): string[] | null {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return null
  }
  return [...text.matchAll(TOKEN)].map(([, token = '']) => (token.startsWith('"') ? JSON.stringify(JSON.parse(token)) : token))
}

/**
 * An object of these members as JSON text, with others forced upon it: in the place of one that has the name, else at the end in their
 * order; null takes the name out.
 */
export function spliceJsonMembers(members: ReadonlyMap<string, string>, forced: Readonly<Record<string, unknown>>): string {
  const spliced = new Map(members)
  for (const [name, value] of Object.entries(forced)) {
    if (value === null) {
      spliced.delete(name)
    } else {
      spliced.set(name, JSON.stringify(value))
    }
  }
  return `{${[...spliced].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}
