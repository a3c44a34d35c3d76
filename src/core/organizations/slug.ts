import { invalidInput } from '../kernel/errors.ts'

/**
 * First path segments that the server uses itself or keeps for one of its dialects (domain.md §4). No organization may
 * have such a slug; a test holds every mounted route against this list.
 */
export const RESERVED_SLUGS: ReadonlySet<string> = new Set([
  'admin',
  'api',
  'app',
  'assets',
  'auth',
  'broadcasting',
  'dist',
  'dist-proxy',
  'docs',
  'downloads',
  'favicon.ico',
  'graphql',
  'health',
  'hooks',
  'horizon',
  'invitations',
  'login',
  'logout',
  'metrics',
  'notify-batch',
  'oauth',
  'org',
  'organizations',
  'p',
  'p2',
  'packages',
  'packages.json',
  'ready',
  'register',
  'releases',
  'robots.txt',
  'search.json',
  'list.json',
  'security-advisories.json',
  'settings',
  'setup',
  'static',
  'storage',
  'up',
  'webhooks',
])

/** Second path segments below an organization; no suborganization may be called so. */
export const RESERVED_SUBORGANIZATION_SLUGS: ReadonlySet<string> = new Set([
  'api',
  'dists',
  'downloads',
  'explore',
  'feeds',
  'filter',
  'jobs',
  'list.json',
  'metadata',
  'notify-batch',
  'p',
  'p2',
  'packages',
  'packages.json',
  'providers',
  'search.json',
  'statistics.json',
])

const SLUG = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

const MAX_SLUG = 64

/**
 * The slug of an organization: 1 to 64 of `a-z 0-9 . _ -`, beginning and ending with a letter or digit, not reserved, not
 * ending in `.json`. Throws `invalid_input`.
 */
export function parseSlug(text: string): string {
  return parseFreeSlug(text, RESERVED_SLUGS)
}

/** The slug of a suborganization: as `parseSlug`, but of the names that are reserved below an organization. Throws `invalid_input`. */
export function parseSuborganizationSlug(text: string): string {
  return parseFreeSlug(text, RESERVED_SUBORGANIZATION_SLUGS)
}

function parseFreeSlug(text: string, reserved: ReadonlySet<string>): string {
  if (!SLUG.test(text) || text.includes('..')) {
    throw invalidInput('slug', 'use 1 to 64 of a-z, 0-9, ".", "_", "-", beginning and ending with a letter or digit')
  }
  if (reserved.has(text) || text.endsWith('.json')) {
    throw invalidInput('slug', `"${text}" is reserved for the server itself`)
  }
  return text
}

/** Letters that Unicode does not decompose into an ASCII letter and marks. */
const FOLDED: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ŋ: 'n',
  ŧ: 't',
}

/** What a name becomes that has no letter or digit in ASCII. */
const NAMELESS = 'organization'

/**
 * The slug that a name suggests: folded to ASCII, in lower case, everything else a hyphen (PR-020). With `number` above 1 it ends in
 * `-2`, `-3` and so on, and still fits. The result may be reserved or taken.
 */
export function suggestSlug(name: string, number: number): string {
  const folded = name
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x00-\x7f]/gu, (letter) => FOLDED[letter] ?? '-')
    .replaceAll(/[^a-z0-9]+/g, '-')
  const end = number > 1 ? `-${number}` : ''
  const base = folded.replace(/^-+/, '').slice(0, MAX_SLUG - end.length)
  return `${base.replace(/-+$/, '') || NAMELESS}${end}`
}

/** Whether a slug that was suggested must not be taken. */
export function isReservedSlug(slug: string, level: 'organization' | 'suborganization'): boolean {
  return (level === 'organization' ? RESERVED_SLUGS : RESERVED_SUBORGANIZATION_SLUGS).has(slug)
}
