/**
 * Requests that change something must come from a page of this registry (abuse 44). Browsers say so in `Origin` and `Sec-Fetch-Site`, which no page
 * can forge; whatever they say must be right, and a request that says neither is refused. Besides, the media type is one that a form elsewhere
 * cannot send (JSON), or, for the pages' own forms, exactly that of a form.
 */
import { DomainError } from '../../core/kernel/errors.ts'
import type { Call } from '../http/route.ts'

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Throws `cross_site_refused` unless a request that changes something comes from a page of this registry. `path` is the route's. */
export function requireOwnPage({ request, baseUrl }: Pick<Call, 'request' | 'baseUrl'>, path: string): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const own = new URL(baseUrl).origin
  if (site === null && origin === null) {
    throw new DomainError('cross_site_refused', { rule: 'it has neither Origin nor Sec-Fetch-Site' })
  }
  if (site !== null && site !== 'same-origin') {
    throw new DomainError('cross_site_refused', { rule: 'Sec-Fetch-Site is not same-origin' })
  }
  if (origin !== null && origin !== own) {
    throw new DomainError('cross_site_refused', { rule: `Origin is not ${own}; REPERTOIRE_URL says where the registry is` })
  }
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const expected = path.startsWith('/app/api/') ? JSON_TYPE : FORM_TYPE
  if (type !== expected) {
    throw new DomainError('cross_site_refused', { rule: `Content-Type is not ${expected}` })
  }
}

/**
 * Where to go after signing in: the wanted page if it is one of the console's own, else its first page. Everything is refused that a browser could
 * read as another host (open redirect).
 */
export function toOwnPath(wanted: string | null, baseUrl: string): string {
  const home = '/app'
  if (wanted === null || !/^\/app(?:[/?#]|$)/.test(wanted) || /[\\\p{Cc}\s]/u.test(wanted)) {
    return home
  }
  const url = URL.parse(wanted, baseUrl)
  const isOwn = url !== null && url.origin === new URL(baseUrl).origin && /^\/app(?:\/|$)/.test(url.pathname)
  return isOwn ? `${url.pathname}${url.search}${url.hash}` : home
}
