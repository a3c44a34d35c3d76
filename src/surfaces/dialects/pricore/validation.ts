import { z } from 'zod'

/** Texts by field, as a 422 has them. */
export type FieldErrors = Record<string, string[]>

/** A body whose fields break rules; every one of them is named. */
export class InvalidBody extends Error {
  readonly errors: FieldErrors

  constructor(errors: FieldErrors) {
    super('The body is not valid.')
    this.name = 'InvalidBody'
    this.errors = errors
  }
}

/** A body that is no JSON object. */
export class MalformedBody extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MalformedBody'
  }
}

/** Reads a JSON object. No body counts as an empty one. Throws `MalformedBody` (PR-016). */
export function parseBody(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.byteLength === 0) {
    return {}
  }
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw new MalformedBody('The request body is not valid JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedBody('The request body has to be a JSON object.')
  }
  return value as Record<string, unknown>
}

/**
 * The value that a schema makes of a body. Throws `InvalidBody` with the texts of every field that breaks a rule. In the messages of a schema
 * `:a` stands for the name of the field.
 */
export function validate<Shape extends z.ZodType>(shape: Shape, body: Record<string, unknown>): z.output<Shape> {
  const parsed = shape.safeParse(withoutBlanks(body))
  if (parsed.success) {
    return parsed.data
  }
  const errors: FieldErrors = {}
  for (const issue of parsed.error.issues) {
    const field = issue.path.join('.')
    errors[field] = [...(errors[field] ?? []), inField(issue.message, field)]
  }
  throw new InvalidBody(errors)
}

/** A text of a rule for one field; `_` is read as a space. */
export function inField(text: string, field: string): string {
  return text.replace(':a', field.replaceAll('_', ' '))
}

/** Texts are trimmed, and a blank one counts as missing, as with the framework that clients know. */
function withoutBlanks(body: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(body).map(([key, value]) => [key, typeof value === 'string' ? value.trim() : value] as const)
  return Object.fromEntries(entries.filter(([, value]) => value !== '' && value !== null))
}

/** The texts of pricore.md §3.1. */
export const TEXTS = {
  required: 'The :a field is required.',
  string: 'The :a field must be a string.',
  array: 'The :a field must be an array.',
  uuid: 'The :a field must be a valid UUID.',
  date: 'The :a field must be a valid date.',
  selected: 'The selected :a is invalid.',
  format: 'The :a field format is invalid.',
} as const

/** A text that has to be there, of at most `limit` characters and without control characters. */
export function requiredText(limit: number) {
  return z
    .string({ error: (issue) => (issue.input === undefined ? TEXTS.required : TEXTS.string) })
    .max(limit, `The :a field must not be greater than ${limit} characters.`)
    .regex(/^[^\p{Cc}]*$/u, TEXTS.format)
}

/** A list of at most `limit` items. */
export function list<Item extends z.ZodType>(item: Item, limit: number) {
  return z.array(item, TEXTS.array).max(limit, `The :a field must not have more than ${limit} items.`)
}
