import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'

const LONGEST = 2_000

/**
 * The address of a receiver: https, or http where the operator allows it, without user and password, and not in a closed network. What a name
 * leads to may change, so that the guard judges it again with every delivery. Throws `invalid_url` and `egress_blocked`, each with its rule.
 */
export async function parseWebhookUrl(ctx: Ctx, text: string): Promise<string> {
  const url = URL.parse(text.trim())
  if (url === null || text.length > LONGEST || /[\p{Cc}\s]/u.test(text.trim())) {
    throw new DomainError('invalid_url', { rule: 'url', problem: 'give an address such as https://ci.example.com/hooks' })
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && ctx.sourceUrls.allowHttp)) {
    throw new DomainError('invalid_url', { rule: 'scheme', problem: 'only https is delivered to' })
  }
  if (url.username !== '' || url.password !== '') {
    throw new DomainError('invalid_url', { rule: 'credentials', problem: 'it contains a user or password' })
  }
  url.hash = ''
  await requireReachable(ctx, url)
  return url.href
}

/** A name that nobody knows yet may be known when the first event comes. */
async function requireReachable(ctx: Ctx, url: URL): Promise<void> {
  try {
    await ctx.http.requireAllowed(url.href)
  } catch (error) {
    if (!isDomainError(error, 'source_unreachable')) {
      throw error
    }
  }
}
