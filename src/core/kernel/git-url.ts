import { DomainError } from './errors.ts'

/** Which schemes the operator opened beside https and ssh. */
export interface GitUrlPolicy {
  allowFile: boolean
  allowHttp: boolean
  /** Whether `svn://` is an address here; it is none for git. */
  allowSvn?: boolean
  /** Whether a host may be a repository itself. */
  allowRoot?: boolean
}

/** Names the rule that refused a git URL; part of the `invalid_url` error. */
export type GitUrlRule =
  | 'empty'
  | 'length'
  | 'control_character'
  | 'option'
  | 'transport_helper'
  | 'scheme'
  | 'credentials'
  | 'user'
  | 'host'
  | 'port'
  | 'path'
  | 'query'

/**
 * The address of a git repository that git may be started with. `canonical` is the text for git: equal
 * repositories in equal spelling, free of secrets, and parsed again to the same value.
 */
export interface GitUrl {
  scheme: 'https' | 'http' | 'ssh' | 'file' | 'svn'
  /** `scheme://host[:port]`, the port only if it is not the scheme's own; `file://` for files. */
  origin: string
  /** Lower case, IPv6 without brackets; empty for files. */
  host: string
  /** The port that is dialled; 0 for files. */
  port: number
  /** Percent-encoded with a leading slash; an `scp`-like path relative to the home has none and is not encoded. */
  path: string
  /** The user of an ssh URL, else null. */
  user: string | null
  canonical: string
}

const LONGEST = 2000
const DEFAULT_PORTS = { https: 443, http: 80, ssh: 22, file: 0, svn: 3690 } as const
const SCP_LIKE = /^(?:([^@:/]+)@)?(\[[^\]]*\]|[^:/@[\]]+):(.+)$/
const WITH_SCHEME = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/i
const CONTROL = /[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/

function refuse(rule: GitUrlRule, problem: string): never {
  throw new DomainError('invalid_url', { rule, problem })
}

/**
 * Reads the URL of a git repository: `https://`, `ssh://`, `user@host:path`, and `http://` or `file://`
 * where the policy opens them. Throws `invalid_url` with the `rule` that refused it, so that no process ever sees
 * a text that git could take for an option, a transport helper or a secret.
 */
export function parseGitUrl(text: string, policy: GitUrlPolicy): GitUrl {
  requireHarmlessText(text)
  const match = WITH_SCHEME.exec(text)
  if (match === null) return parseScpLike(text)
  const scheme = requireScheme(match[1] ?? '', policy)
  const authority = match[2] ?? ''
  const path = parsePath(match[3] ?? '', policy.allowRoot === true && scheme !== 'file')
  if (scheme === 'file') return parseFile(authority, path)
  const user = parseUser(scheme, authority)
  const { host, port } = parseHostAndPort(authority.slice(authority.lastIndexOf('@') + 1), DEFAULT_PORTS[scheme])
  const origin = toOrigin(scheme, host, port)
  const canonical = user === null ? `${origin}${path}` : `${scheme}://${user}@${origin.slice(scheme.length + 3)}${path}`
  return { scheme, origin, host, port, path, user, canonical }
}

function requireHarmlessText(text: string): void {
  if (text === '') refuse('empty', 'it is empty')
  if (text.length > LONGEST) refuse('length', `it is longer than ${LONGEST} characters`)
  if (CONTROL.test(text)) refuse('control_character', 'it has white space or control characters')
  if (text.startsWith('-')) refuse('option', 'it starts with "-" and would be read as an option')
  if (/^[^/@]*::/.test(text) && !text.startsWith('['))
    refuse('transport_helper', 'remote helpers ("name::address") are never run')
}

function requireScheme(text: string, policy: GitUrlPolicy): GitUrl['scheme'] {
  const scheme = text.toLowerCase()
  if (scheme === 'https' || scheme === 'ssh') return scheme
  if (scheme === 'http' && policy.allowHttp) return scheme
  if (scheme === 'file' && policy.allowFile) return scheme
  if (scheme === 'svn' && policy.allowSvn === true) return scheme
  if (scheme === 'http') refuse('scheme', 'http is not encrypted and not opened on this installation; use https')
  if (scheme === 'file') refuse('scheme', 'files of the server are not opened on this installation')
  refuse('scheme', 'only https and ssh are supported')
}

/** The address form `user@host:path` of ssh. Without a leading slash the path is relative to the user's home on the host. */
function parseScpLike(text: string): GitUrl {
  const match = SCP_LIKE.exec(text)
  if (match === null) refuse('scheme', 'it must start with https:// or ssh://, or have the form user@host:path')
  const user = match[1] === undefined ? null : parseUser('ssh', `${match[1]}@`)
  const { host } = parseHostAndPort(match[2] ?? '', 22)
  const raw = match[3] ?? ''
  if (raw.startsWith('-')) refuse('option', 'its path starts with "-" and would be read as an option')
  const path = parsePath(raw.startsWith('/') ? raw : `/${raw}`)
  const login = user === null ? '' : `${user}@`
  const origin = toOrigin('ssh', host, 22)
  if (raw.startsWith('/')) {
    return { scheme: 'ssh', origin, host, port: 22, path, user, canonical: `ssh://${login}${bracketed(host)}${path}` }
  }
  const relative = raw.replace(/\/+$/, '')
  return { scheme: 'ssh', origin, host, port: 22, path: relative, user, canonical: `${login}${bracketed(host)}:${relative}` }
}

function parseFile(authority: string, path: string): GitUrl {
  if (authority !== '') refuse('host', 'a file URL has three slashes and no host')
  return { scheme: 'file', origin: 'file://', host: '', port: 0, path, user: null, canonical: `file://${path}` }
}

/** A password never belongs in a URL, and for http neither does a user: services take tokens there. */
function parseUser(scheme: GitUrl['scheme'], authority: string): string | null {
  const at = authority.lastIndexOf('@')
  if (at < 0) return null
  const user = authority.slice(0, at)
  if (scheme !== 'ssh' || user.includes(':')) refuse('credentials', 'it contains a user or password; store a credential instead')
  if (!/^[a-z0-9_][a-z0-9._-]{0,63}$/i.test(user))
    refuse('user', 'the user has other characters than letters, digits, ".", "_" and "-"')
  return user
}

function parseHostAndPort(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(\[[0-9a-f:.]*\]|[^:[\]]*)(?::(\d*))?$/i.exec(text)
  if (match === null) refuse('host', 'the host cannot be read')
  const port = match[2] === undefined || match[2] === '' ? defaultPort : Number(match[2])
  if (port < 1 || port > 65_535) refuse('port', 'the port is not between 1 and 65535')
  return { host: parseHost(match[1] ?? ''), port }
}

function parseHost(text: string): string {
  if (text === '') refuse('host', 'it has no host')
  if (text.startsWith('-')) refuse('host', 'the host starts with "-" and would be read as an option')
  if (!text.startsWith('[') && !/^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/i.test(text)) {
    refuse(
      'host',
      'the host has characters other than letters, digits, "." and "-" (write international names in their xn-- form)',
    )
  }
  if (text.includes('..') || /[.-]{64}|[^.]{64}/.test(text.replaceAll(':', '.')))
    refuse('host', 'the host has an empty or overlong part')
  // Numbers are addresses in several spellings (0x7f.1 is 127.0.0.1); the URL parser knows all of them.
  const parsed = URL.parse(`http://${text}/`)
  if (parsed === null) refuse('host', 'the host cannot be read')
  return parsed.hostname.replace(/^\[|\]$/g, '')
}

function parsePath(text: string, mayBeRoot = false): string {
  if (/[?#]/.test(text)) refuse('query', 'it has a query or fragment')
  if (text.includes('\\')) refuse('path', 'the path has a backslash')
  const decoded = decodePath(text)
  if (CONTROL.test(decoded.replaceAll(' ', ''))) refuse('control_character', 'its path has control characters')
  if (decoded.split('/').some((part) => part === '.' || part === '..')) refuse('path', 'the path has "." or ".." parts')
  const path = new URL(`http://host${text}`).pathname.replace(/\/+$/, '')
  if (path === '' && !mayBeRoot) refuse('path', 'it names no repository on the host')
  return path
}

function decodePath(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse('path', 'the path is not correctly percent-encoded')
  }
}

function toOrigin(scheme: Exclude<GitUrl['scheme'], 'file'>, host: string, port: number): string {
  return `${scheme}://${bracketed(host)}${port === DEFAULT_PORTS[scheme] ? '' : `:${port}`}`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
