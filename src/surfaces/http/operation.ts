import type { z } from 'zod'

/** What the API documentation says about a route. */
export interface Operation {
  /** Groups routes; the name of a dialect. */
  tag: string
  summary: string
  /** What a token must hold. */
  scope?: string
  query?: readonly { name: string; description: string }[]
  body?: z.ZodType
  /** The successful answer. */
  answer: { status: number; body: z.ZodType }
  /** The other statuses that it may have, with what they mean. */
  refusals: Readonly<Record<number, string>>
}
