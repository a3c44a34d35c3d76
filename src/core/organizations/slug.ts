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
  'dist',
  'dist-proxy',
  'docs',
  'downloads',
  'favicon.ico',
  'graphql',
  'health',
  'hooks',
  'login',
  'logout',
  'metrics',
  'notify-batch',
  'oauth',
  'org',
  'p',
  'p2',
  'packages',
  'packages.json',
  'ready',
  'robots.txt',
  'search.json',
  'list.json',
  'security-advisories.json',
  'setup',
  'static',
  'up',
  'webhooks',
])

/** Second path segments below an organization; no suborganization may be called so. */
export const RESERVED_SUBORGANIZATION_SLUGS: ReadonlySet<string> = new Set([
  'api',
  'dists',
  'downloads',
  'filter',
  'list.json',
  'metadata',
  'notify-batch',
  'p',
  'p2',
  'packages',
  'packages.json',
  'providers',
  'search.json',
])

const SLUG = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/

/**
 * The slug of an organization: 1 to 64 of `a-z 0-9 . _ -`, beginning and ending with a letter or digit, not reserved, not
 * ending in `.json`. Throws `invalid_input`.
 */
export function parseSlug(text: string): string {
  if (!SLUG.test(text) || text.includes('..')) {
    throw invalidInput('slug', 'use 1 to 64 of a-z, 0-9, ".", "_", "-", beginning and ending with a letter or digit')
  }
  if (RESERVED_SLUGS.has(text) || text.endsWith('.json')) {
    throw invalidInput('slug', `"${text}" is reserved for the server itself`)
  }
  return text
}
