const MAX_HEADER = 8 * 1024

/**
 * The secret in an `Authorization` header, or null when there is none that could be a token. Accepted (CO-050 to CO-055, abuse 41):
 *
 * - `Bearer <token>` and `token <token>`, also with a user name and a colon before the token (CO-145);
 * - `Basic` with any user name and the token as password;
 * - `Basic` with the token as user name and an empty password, `x-oauth-basic` or `x-token-auth`.
 *
 * Tokens in query strings are never looked at.
 */
export function readSecret(authorization: string | null): string | null {
  if (authorization === null || authorization.length > MAX_HEADER) {
    return null
  }
  const { scheme, value } = readAuthorization(authorization)
  switch (scheme) {
    case 'bearer':
    case 'token':
      return value.slice(value.lastIndexOf(':') + 1) || null
    case 'basic':
      return readBasicSecret(value)
    default:
      return null
  }
}

const EMPTY_PASSWORDS = new Set(['', 'x-oauth-basic', 'x-token-auth'])

function readBasicSecret(value: string): string | null {
  const basic = decodeBasic(value)
  if (basic === null) {
    return null
  }
  const secret = EMPTY_PASSWORDS.has(basic.password) ? basic.user : basic.password
  return secret === '' ? null : secret
}

/** Whether a header has a token in a form that every dialect knows: `Bearer`, or the password of `Basic`. */
export function hasPasswordToken(authorization: string | null): boolean {
  const { scheme, value } = readAuthorization(authorization)
  if (scheme !== 'basic') {
    return scheme === 'bearer'
  }
  const basic = decodeBasic(value)
  return basic !== null && !EMPTY_PASSWORDS.has(basic.password)
}

/** The scheme of an `Authorization` header in lower case, and what follows it; both empty when it has no such form. */
export function readAuthorization(authorization: string | null): { scheme: string; value: string } {
  const [, scheme = '', value = ''] = /^(\S+) +(\S.*?) *$/.exec(authorization ?? '') ?? []
  return { scheme: scheme.toLowerCase(), value }
}

/** The two parts of `Basic` credentials, split at the first colon; null for what is not base64 or has no colon. */
export function decodeBasic(value: string): { user: string; password: string } | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    return null
  }
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  return colon < 0 ? null : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
}
