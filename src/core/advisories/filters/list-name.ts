import { invalidInput } from '../../kernel/errors.ts'

/** The list of an organization's own that is enforced here, whatever clients do. No upstream can add to it. */
export const BLOCK_LIST = 'blocked'

/** The list that Composer acts on without being told to (contract composer.md §1.7), and that is enforced here where the organization wants it. */
export const MALWARE_LIST = 'malware'

/** Names with another meaning in a policy of Composer, which drops lists that are called so. */
const RESERVED = new Set([
  'advisories',
  'abandoned',
  'cooldown',
  'package',
  'packages',
  'license',
  'licenses',
  'licence',
  'licences',
  'support',
  'maintenance',
  'security',
  'minimum-release-age',
])

/** Whether Composer would drop a filter list of that name (CO-015). */
export function isReservedListName(name: string): boolean {
  return RESERVED.has(name) || name.startsWith('ignore')
}

/** The name of a filter list: 1 to 40 of `a-z 0-9 -`, beginning with a letter, not reserved (CO-015). Throws `invalid_input`. */
export function parseListName(text: string): string {
  if (!/^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(text)) {
    throw invalidInput('list', 'use 1 to 40 of a-z, 0-9 and "-", beginning with a letter')
  }
  if (isReservedListName(text)) {
    throw invalidInput('list', `"${text}" has another meaning in Composer, which would ignore the list`)
  }
  return text
}
