const MAX_HEADER = 8 * 1024

/**
 * The secret in an `Authorization` header, or null when there is none that could be a token. Accepted (CO-050 to CO-055, abuse 41):
 *
 * - `Bearer <token>` and `token <token>`;
 * - `Basic` with any user name and the token as password;
 * - `Basic` with the token as user name and an empty password, `x-oauth-basic` or `x-token-auth`.
 *
 * Tokens in query strings are never looked at.
 */
export function readSecret(authorization: string | null): string | null {
  if (authorization === null || authorization.length > MAX_HEADER) {
    return null
  }
  const [, scheme = '', value = ''] = /^(\S+) +(\S.*?) *$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'token':
      return value
    case 'basic':
      return readBasicSecret(value)
    default:
      return null
  }
}

const EMPTY_PASSWORDS = new Set(['', 'x-oauth-basic', 'x-token-auth'])

function readBasicSecret(value: string): string | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    return null
  }
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) {
    return null
  }
  const user = decoded.slice(0, colon)
  const password = decoded.slice(colon + 1)
  const secret = EMPTY_PASSWORDS.has(password) ? user : password
  return secret === '' ? null : secret
}

/** Whether a header has a token in a form that every dialect knows: `Bearer`, or the password of `Basic`. */
export function hasPasswordToken(authorization: string | null): boolean {
  const [, scheme = '', value = ''] = /^(\S+) +(\S.*?) *$/.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() !== 'basic') {
    return scheme.toLowerCase() === 'bearer'
  }
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  return !EMPTY_PASSWORDS.has(decoded.slice(decoded.indexOf(':') + 1))
}
