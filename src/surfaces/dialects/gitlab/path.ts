/** What a path below `/api/v4/` names. It is read from the raw URL, because `%2F` in an id is no slash (contract gitlab.md §2.0). */

/** An organization or source as a path names it: by its number, or by its full path in lower case. */
export type Key = number | string

/** What one package's part of a path names. `sha` is null for a name without one. */
interface Named {
  name: string
  sha: string | null
}

/** A route with its parameters. */
export type GitlabPath =
  | { kind: 'root'; group: Key }
  | { kind: 'providers'; group: Key; sha: string }
  | ({ kind: 'v1'; group: Key } & Named)
  | { kind: 'v2'; group: Key; name: string; isDevelopment: 'yes' | 'no' }
  | { kind: 'publish'; project: Key }
  | { kind: 'archive'; project: Key; file: string }
  | { kind: 'group-packages'; group: Key }
  | { kind: 'project-packages'; project: Key }
  | { kind: 'package'; project: Key; id: number }
  | { kind: 'package-files'; project: Key; id: number }
  | { kind: 'package-file'; project: Key; id: number }
  | { kind: 'invalid-name' }

/** Where all of these paths are. */
export const PREFIX = '/api/v4/'

const MAX_PATH = 2048

/** The path of a request's URL as it was sent, or null when it is not below the prefix. */
export function rawPathOf(url: string): string | null {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  if (start < 0 || !url.startsWith(PREFIX, start)) {
    return null
  }
  const question = url.indexOf('?', start)
  const fragment = url.indexOf('#', start)
  const end = Math.min(question < 0 ? url.length : question, fragment < 0 ? url.length : fragment)
  return url.slice(start, end)
}

/** Reads a raw path, or returns null when there is no such route. */
export function parseGitlabPath(raw: string): GitlabPath | null {
  if (raw.length > MAX_PATH) {
    return null
  }
  const [noun, id = '', ...rest] = raw.slice(PREFIX.length).split('/')
  const key = readKey(id)
  if (key === null) {
    return null
  }
  switch (noun) {
    case 'group':
      return rest.slice(0, 3).join('/') === '-/packages/composer' ? readGroup(key, rest.slice(3)) : null
    case 'groups':
      return rest.join('/') === 'packages' ? { kind: 'group-packages', group: key } : null
    case 'projects':
      return rest[0] === 'packages' ? readProject(key, rest.slice(1)) : null
    default:
      return null
  }
}

/** A number alone is always an id. */
function readKey(raw: string): Key | null {
  const text = decode(raw)
  if (text === null || text === '' || /[\p{Cc}\\]/u.test(text)) {
    return null
  }
  return /^\d{1,15}$/.test(text) ? Number(text) : text.toLowerCase()
}

function readGroup(group: Key, rest: readonly string[]): GitlabPath | null {
  const [first, second] = rest.map((segment) => decode(segment))
  if (rest.length === 1 && withoutSuffix(first ?? '') === 'packages') {
    return { kind: 'root', group }
  }
  if (first === 'p' && rest.length === 2) {
    const sha = withoutSuffix(second ?? '')
    return sha === '' ? null : { kind: 'providers', group, sha }
  }
  const isSecondVersion = first === 'p2' && rest.length > 1
  const text = decode((isSecondVersion ? rest.slice(1) : rest).join('/'))
  if (text === '') {
    return null
  }
  if (text === null || !isSafe(text)) {
    return { kind: 'invalid-name' }
  }
  const [name = '', sha = ''] = withoutSuffix(text).split('$')
  if (!isSecondVersion) {
    return { kind: 'v1', group, name: name.toLowerCase(), sha: sha === '' ? null : sha }
  }
  const isDevelopment = name.endsWith('~dev')
  const own = isDevelopment ? name.slice(0, -4) : name
  return { kind: 'v2', group, name: own.toLowerCase(), isDevelopment: isDevelopment ? 'yes' : 'no' }
}

function readProject(project: Key, rest: readonly string[]): GitlabPath | null {
  const [first, second, ...more] = rest
  if (first === undefined) {
    return { kind: 'project-packages', project }
  }
  if (first === 'composer') {
    if (second === undefined) {
      return { kind: 'publish', project }
    }
    const file = second === 'archives' && more.length > 0 ? decode(more.join('/')) : ''
    if (file === '') {
      return null
    }
    return file === null || !isSafe(file) ? { kind: 'invalid-name' } : { kind: 'archive', project, file }
  }
  if (!/^\d{1,15}$/.test(first)) {
    return null
  }
  const id = Number(first)
  if (second === undefined) {
    return { kind: 'package', project, id }
  }
  if (second !== 'package_files' || more.length > 1) {
    return null
  }
  return { kind: more.length === 0 ? 'package-files' : 'package-file', project, id }
}

/** No segment leads elsewhere, and there is nothing in it that a database could not be asked for. */
function isSafe(text: string): boolean {
  return !/[\p{Cc}\\]|\/\/|^\/|(?:^|\/)\.{1,2}(?:\/|$)/u.test(text)
}

function withoutSuffix(text: string): string {
  return text.endsWith('.json') ? text.slice(0, -5) : text
}

function decode(raw: string): string | null {
  try {
    return decodeURIComponent(raw)
  } catch {
    return null
  }
}
