import { listSecretForms, SHORTEST_SECRET } from './secret-forms.ts'
import { maskPatterns } from './secret-patterns.ts'

/** Knows the texts that must never be printed. */
export interface RedactionRegistry {
  /** From now on the secret is replaced wherever it turns up; shorter ones than 6 characters are ignored. */
  register(secret: string): void
  /** The text with every registered secret, in any of its usual encodings, and whatever looks like a secret replaced. */
  redact(text: string): string
}

/** What stands in the place of a secret. */
export const REDACTED = '[redacted]'

/** The multiplier of the rolling hash, and what it is for the first character of a window. */
const BASE = 31
const BASE_OF_FIRST = BASE ** (SHORTEST_SECRET - 1)

/**
 * A registry that remembers the `limit` most recently registered secrets. The time to redact a text does not grow with
 * their number: every window of six characters is looked up by a rolling hash, and only hits are compared.
 */
export function createRedactionRegistry({ limit = 10_000 }: { limit?: number } = {}): RedactionRegistry {
  const secrets = new Map<string, string[]>()
  const index = createFormIndex()

  return {
    register(secret) {
      const known = secrets.get(secret)
      const forms = known ?? listSecretForms(secret)
      if (forms.length === 0) return
      secrets.delete(secret)
      secrets.set(secret, forms)
      if (known !== undefined) return
      for (const form of forms) index.add(form)
      const oldest = secrets.entries().next().value
      if (secrets.size <= limit || oldest === undefined) return
      secrets.delete(oldest[0])
      for (const form of oldest[1]) index.remove(form)
    },
    redact(text) {
      return maskPatterns(secrets.size === 0 ? text : replaceForms(text, index))
    },
  }
}

interface FormIndex {
  add(form: string): void
  remove(form: string): void
  /** The longest form that starts at a position of the text, or null. `hash` is that of the window there. */
  findAt(text: string, position: number, hash: number): string | null
}

function createFormIndex(): FormIndex {
  // Two secrets may share a form, so each form is counted.
  const forms = new Map<number, Map<string, number>>()

  return {
    add(form) {
      const hash = hashWindow(form, 0)
      const sameHash = forms.get(hash) ?? new Map<string, number>()
      sameHash.set(form, (sameHash.get(form) ?? 0) + 1)
      forms.set(hash, sameHash)
    },
    remove(form) {
      const hash = hashWindow(form, 0)
      const sameHash = forms.get(hash)
      const count = sameHash?.get(form) ?? 0
      if (count > 1) sameHash?.set(form, count - 1)
      else sameHash?.delete(form)
      if (sameHash?.size === 0) forms.delete(hash)
    },
    findAt(text, position, hash) {
      let longest: string | null = null
      for (const form of forms.get(hash)?.keys() ?? []) {
        if (form.length > (longest?.length ?? 0) && text.startsWith(form, position)) longest = form
      }
      return longest
    },
  }
}

function replaceForms(text: string, index: FormIndex): string {
  let result = ''
  let copied = 0
  let position = 0
  let hash = hashWindow(text, 0)
  while (position + SHORTEST_SECRET <= text.length) {
    const form = index.findAt(text, position, hash)
    if (form === null) {
      hash = rollWindow(hash, text, position)
      position++
      continue
    }
    result += text.slice(copied, position) + REDACTED
    position += form.length
    copied = position
    hash = hashWindow(text, position)
  }
  return result + text.slice(copied)
}

function hashWindow(text: string, start: number): number {
  let hash = 0
  for (let position = start; position < start + SHORTEST_SECRET; position++) {
    hash = (Math.imul(hash, BASE) + (text.charCodeAt(position) || 0)) | 0
  }
  return hash
}

/** The hash of the window that starts one character later. */
function rollWindow(hash: number, text: string, start: number): number {
  const withoutFirst = (hash - Math.imul(text.charCodeAt(start), BASE_OF_FIRST)) | 0
  return (Math.imul(withoutFirst, BASE) + (text.charCodeAt(start + SHORTEST_SECRET) || 0)) | 0
}
