/** Secrets shorter than this are not looked for: they would be found in innocent words. */
export const SHORTEST_SECRET = 6

/** Lines of a secret (a private key) shorter than this are not looked for on their own. */
const SHORTEST_LINE = 20

/**
 * The texts in which a secret may turn up: itself, percent-encoded in the usual spellings, escaped as in JSON, the lines of
 * one with many, and what its base64 has in common wherever it stands in an encoded text, as in the header of basic
 * authentication (`user:secret`). None is shorter than `SHORTEST_SECRET`; a shorter secret has none.
 */
export function listSecretForms(secret: string): string[] {
  if (secret.length < SHORTEST_SECRET) return []
  const encoded = percentEncode(secret)
  const forms = [
    secret,
    encoded,
    percentEncodeStrictly(encoded),
    encoded.replaceAll('%20', '+'),
    JSON.stringify(secret).slice(1, -1),
    ...listLines(secret),
    ...listBase64Forms(secret),
  ]
  const lowerCase = forms.slice(1, 4).map((form) => form.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()))
  return [...new Set([...forms, ...lowerCase])].filter((form) => form.length >= SHORTEST_SECRET)
}

function percentEncode(secret: string): string {
  return encodeURIComponent(secret.toWellFormed())
}

/** RFC 3986 also reserves these, which `encodeURIComponent` leaves alone. */
function percentEncodeStrictly(encoded: string): string {
  return encoded.replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function listLines(secret: string): string[] {
  if (!secret.includes('\n')) return []
  const lines = secret.split(/\r?\n/)
  return lines.filter((line) => line.length >= SHORTEST_LINE && !line.startsWith('-----'))
}

/**
 * Base64 works in groups of three bytes, so a text encodes in three ways, depending on what stands before it. Of each, the
 * digits that mix with neighbouring bytes are cut off.
 */
function listBase64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const forms: string[] = []
  for (const before of [0, 1, 2]) {
    const digits = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '')
    const mixedAtStart = before === 0 ? 0 : before + 1
    const mixedAtEnd = (before + bytes.length) % 3 === 0 ? 0 : 1
    const own = digits.slice(mixedAtStart, digits.length - mixedAtEnd)
    forms.push(own, own.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return forms
}
