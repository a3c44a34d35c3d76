/**
 * What a token may be allowed, as `noun:right`; `composer` is the use of repositories by clients. Dialects translate their own vocabulary
 * into these and keep their words beside them. Right of a token = its scopes ∩ the rights of whoever it acts for.
 */
export const SCOPES = [
  'composer',
  'organization:read',
  'organization:write',
  'organization:delete',
  'source:read',
  'source:write',
  'source:delete',
  'source:sync',
  'package:read',
  'package:write',
  'package:delete',
  'member:read',
  'member:write',
  'mirror:read',
  'mirror:write',
  'mirror:delete',
  'advisory:read',
  'advisory:write',
  'token:read',
  'token:write',
  'hook:read',
  'hook:write',
  'customer:read',
  'customer:write',
  'audit:read',
  'statistics:read',
] as const

/** One right of a token. */
export type Scope = (typeof SCOPES)[number]

const KNOWN: ReadonlySet<string> = new Set(SCOPES)

/** Whether a text is a scope. */
export function isScope(text: string): text is Scope {
  return KNOWN.has(text)
}

/** Whether scopes include one, by themselves or as a part of another: who may write sources may ask for syncs of them. */
export function holdsScope(held: readonly Scope[], wanted: Scope): boolean {
  return held.includes(wanted) || (wanted === 'source:sync' && held.includes('source:write'))
}

/** The scopes of a token that installs packages and nothing else. */
export const READ_SCOPES: readonly Scope[] = ['composer', 'organization:read', 'package:read']

/** The scopes of a token that also publishes: it manages sources, packages and their hooks, but neither people nor tokens. */
export const UPDATE_SCOPES: readonly Scope[] = [
  ...READ_SCOPES,
  'package:write',
  'package:delete',
  'source:read',
  'source:write',
  'source:delete',
  'mirror:read',
  'advisory:read',
  'hook:read',
  'hook:write',
  'statistics:read',
]

/** The short name of a list of scopes for people: whether they allow to change packages. Null, no restriction, is `update`. */
export function accessOf(scopes: readonly Scope[] | null): 'read' | 'update' {
  return scopes === null || scopes.includes('package:write') ? 'update' : 'read'
}
