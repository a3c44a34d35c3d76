/**
 * A URL value of a root file (contract §1.2) made absolute: one that begins with a slash is relative to the host, any other relative one, which
 * clients could not use, to the root file. Placeholders such as `%package%` stay as they are. Null for what is no http or https URL without
 * user and password.
 */
export function toUpstreamUrl(value: unknown, rootUrl: string): string | null {
  if (typeof value !== 'string' || value === '' || value.length > 2_000 || /[\p{Cc}\s\\]/u.test(value)) return null
  const url = URL.parse(value, rootUrl)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  return url.username === '' && url.password === '' ? url.href : null
}
