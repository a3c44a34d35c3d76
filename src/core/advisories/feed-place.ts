/** The address of a feed as it may be shown: without a query, which may hold a key, and without a slash at the end. */
export function feedPlace(url: string): string {
  return url.replace(/[?#].*$/, '').replace(/\/+$/, '')
}
