import { holdsScope, isScope, type Scope } from '../../../core/kernel/scopes.ts'

const READ: readonly Scope[] = ['composer', 'organization:read', 'package:read', 'source:read']

/** The three vocabularies of pricore.md §2.4 and what each word allows; null is everything. */
const WORDS: Readonly<Record<string, readonly Scope[] | null>> = {
  'packages:read': READ,
  'packages:write': [...READ, 'package:write', 'source:write'],
  'packages:delete': [...READ, 'package:delete'],
  read: READ,
  write: [...READ, 'package:write', 'source:write'],
  admin: null,
  composer: ['composer'],
  'read:organizations': ['organization:read'],
  'write:organizations': ['organization:write'],
  'delete:organizations': ['organization:delete'],
  'read:repositories': ['source:read'],
  'write:repositories': ['source:write'],
  'delete:repositories': ['source:delete'],
  'read:packages': ['package:read'],
  'write:packages': ['package:write'],
  'delete:packages': ['package:delete'],
  'read:members': ['member:read'],
  'write:members': ['member:write'],
  'read:mirrors': ['mirror:read'],
  'write:mirrors': ['mirror:write'],
  'delete:mirrors': ['mirror:delete'],
  'read:tokens': ['token:read'],
  'write:tokens': ['token:write'],
}

/** What a token gets when its request names no scopes. */
export const DEFAULT_WORDS: readonly string[] = ['packages:read']

/** Whether a text is a word of one of the vocabularies. */
export function isScopeWord(text: string): boolean {
  return Object.hasOwn(WORDS, text)
}

/** What these words allow together; null is everything. */
export function toScopes(words: readonly string[]): Scope[] | null {
  const lists = words.map((word) => WORDS[word] ?? null)
  return lists.includes(null) ? null : [...new Set(lists.flatMap((list) => list ?? []))]
}

/** The word of this dialect that a token needs for one scope of ours; our own where it has none. */
export function toWord(scope: string): string {
  if (!isScope(scope)) {
    return 'admin'
  }
  return findWord((held) => held === scope) ?? findWord((held) => holdsScope([held], scope)) ?? scope
}

function findWord(means: (scope: Scope) => boolean): string | undefined {
  return Object.keys(WORDS).find((word) => WORDS[word]?.length === 1 && WORDS[word].every(means))
}

/** The scopes of a token as its creator gave them, else in the words of this dialect (PR-307). */
export function presentScopes(token: { scopes: readonly Scope[] | null; scopeLabels: readonly string[] | null }): string[] {
  if (token.scopeLabels !== null) {
    return [...token.scopeLabels]
  }
  return token.scopes === null ? ['admin'] : token.scopes.map((scope) => findWord((held) => held === scope) ?? scope)
}
