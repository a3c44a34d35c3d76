/**
 * The two cookies of the console: the session, and the step between password and second factor. Over https they have the `__Host-` prefix, so
 * that no sibling host can set or shadow them; over plain http, where browsers refuse that prefix, they have none. Scripts never see them, and
 * other sites' pages send them with plain navigations alone (`SameSite=Lax`), which change nothing.
 */
import type { Call } from '../http/route.ts'

/** What a cookie is for. */
export type CookieKind = 'session' | 'step'

const NAMES: Readonly<Record<CookieKind, string>> = { session: 'repertoire', step: 'repertoire-step' }
const MAX_AGES: Readonly<Record<CookieKind, number>> = { session: 90 * 24 * 60 * 60, step: 10 * 60 }

function nameOf(kind: CookieKind, baseUrl: string): string {
  return `${isSecure(baseUrl) ? '__Host-' : ''}${NAMES[kind]}`
}

function isSecure(baseUrl: string): boolean {
  return baseUrl.startsWith('https:')
}

/** The secret in a cookie of a request, or an empty text, which is no secret. */
export function readCookie({ request, baseUrl }: Pick<Call, 'request' | 'baseUrl'>, kind: CookieKind): string {
  const name = nameOf(kind, baseUrl)
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) {
      return pair.slice(equals + 1).trim()
    }
  }
  return ''
}

/** Adds a cookie to an answer; without a secret the browser forgets it. */
export function withCookie(response: Response, baseUrl: string, cookie: { kind: CookieKind; secret: string | null }): Response {
  const { kind, secret } = cookie
  const parts = [
    `${nameOf(kind, baseUrl)}=${secret ?? ''}`,
    'Path=/',
    `Max-Age=${secret === null ? 0 : MAX_AGES[kind]}`,
    'HttpOnly',
    'SameSite=Lax',
    ...(isSecure(baseUrl) ? ['Secure'] : []),
  ]
  response.headers.append('Set-Cookie', parts.join('; '))
  return response
}
