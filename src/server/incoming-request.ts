/** What the server reads of a request before any surface sees it. */
import type { Origin } from '../core/kernel/actor.ts'
import { invalidInput } from '../core/kernel/errors.ts'
import { clientAddress, type Addressed, type TrustedProxies } from '../surfaces/http/forwarding.ts'
import { HOOK_BYTES } from '../surfaces/inbound/routes.ts'

/** Beyond every surface's own limit, so that each refuses in its own words. */
export const MAX_BODY = HOOK_BYTES + 1024 * 1024
const BODY_SECONDS = 20

/** Aborted when the client went away or took too long to send a body. */
export function bodySignal({ body, signal }: Request): AbortSignal {
  return body === null ? signal : AbortSignal.any([signal, AbortSignal.timeout(BODY_SECONDS * 1000)])
}

/** Where a request came from, as trusted proxies tell it. */
export function toOrigin(addressed: Addressed, proxies: TrustedProxies): Origin {
  return {
    surface: 'http',
    address: clientAddress(addressed, proxies),
    agent: addressed.headers.get('user-agent')?.slice(0, 300) ?? null,
    requestId: null,
  }
}

/** The URL of a request; null when it has none, as with a `Host` header that names no host. */
export function readUrl(request: Request): string | null {
  try {
    return request.url
  } catch {
    return null
  }
}

/** Values with a NUL are refused here, because not every database can be asked for them. */
export function readQuery(url: string): URLSearchParams {
  const question = url.indexOf('?')
  const query = new URLSearchParams(question < 0 ? '' : url.slice(question))
  if ([...query.values()].some((value) => value.includes('\0'))) {
    throw invalidInput('query', 'a NUL character is not allowed')
  }
  return query
}

/** What to say about an address that cannot be read. Composer 2.0 asks for archives of development versions so. */
export function describeUnreadable(url: string): string {
  return url.includes('/%reference%.')
    ? 'Composer 2.0 does not fill in the commit of a development version; use Composer 2.1 or newer.'
    : 'There is nothing at this address.'
}
