const MAX_PATH = 2048

/**
 * The path of a request URL in its one canonical spelling, or null when it has none that could name something: decoded once, in
 * UTF-8, without control characters, backslashes, empty or dot segments (abuse 37). Every later decision is made on this
 * spelling, so that two spellings of one path can never be decided differently. `%2F` is a slash like any other (CO-046).
 */
export function readPath(url: string): string | null {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const end = findEnd(url, start)
  if (start < 0 || end - start > MAX_PATH) {
    return null
  }
  const raw = url.slice(start, end)
  const path = raw.includes('%') ? decode(raw) : raw
  if (path === null || /[\p{Cc}\\]|\/\/|\/\.{1,2}(?:\/|$)/u.test(path)) {
    return null
  }
  return path
}

function findEnd(url: string, start: number): number {
  const query = url.indexOf('?', start)
  const fragment = url.indexOf('#', start)
  return Math.min(query < 0 ? url.length : query, fragment < 0 ? url.length : fragment)
}

function decode(raw: string): string | null {
  try {
    return decodeURIComponent(raw)
  } catch {
    return null
  }
}
