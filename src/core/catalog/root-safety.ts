import { constraintsIntersect, parseConstraint } from '../../composer/index.ts'
import { MALWARE_LIST, selectFeedsOf, selectOwnLists } from '../advisories/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import type { RepositoryNotice } from './repository-health.ts'
import { selectMessages } from './repository-messages.sql.ts'

/** The filter lists that an organization's repository has: those with own entries, and `malware` once a feed of it answered. */
export async function listFilterLists(db: Db, organization: OrganizationId): Promise<string[]> {
  const own = await selectOwnLists(db, organization)
  const fed = (await selectFeedsOf(db, organization)).filter(({ fetchedAt }) => fetchedAt !== null).map(({ list }) => list)
  return [...new Set([...own, ...fed.filter((list) => list === MALWARE_LIST)])].toSorted()
}

/**
 * The keys of a root file that say where advisories and filter lists are (CO-013, CO-014). That metadata has advisories, too, is not announced:
 * clients would then ask for a file of every package of a project, also those from elsewhere, whose names would go on to upstreams. One request to the
 * API costs less, and its names stay here.
 */
export async function loadSafetyKeys(
  db: Db,
  organization: OrganizationId,
  repositoryUrl: string,
): Promise<Record<string, unknown>> {
  const lists = await listFilterLists(db, organization)
  const filter = {
    metadata: true,
    lists: Object.fromEntries(lists.map((list) => [list, { enabled: true }])),
    'summary-url': `${repositoryUrl}/filter/summary.json`,
    'api-url': `${repositoryUrl}/filter/api`,
  }
  return {
    'security-advisories': { metadata: false, 'api-url': `${repositoryUrl}/api/security-advisories/` },
    ...(lists.length === 0 ? {} : { filter }),
  }
}

/**
 * What a root file tells clients by their version: `warnings` and `infos` for Composer from 2.2 on (CO-011). There is no key without a message.
 */
export async function loadMessageKeys(
  db: Db,
  organization: OrganizationId,
  notices: readonly RepositoryNotice[],
): Promise<Record<string, unknown>> {
  const all = [...notices, ...(await selectMessages(db, organization))]
  return toMessageKeys(all)
}

/** Messages as every JSON document for Composer may have them (contract composer.md §1.3). */
export function toMessageKeys(messages: readonly RepositoryNotice[]): Record<string, { message: string; versions: string }[]> {
  const told = (kind: RepositoryNotice['kind']) =>
    messages.filter((one) => one.kind === kind).map(({ message, versions }) => ({ message, versions }))
  const [warnings, infos] = [told('warning'), told('info')]
  return { ...(warnings.length === 0 ? {} : { warnings }), ...(infos.length === 0 ? {} : { infos }) }
}

const COMPOSER_1 = parseConstraint('<1.999')

/**
 * The same for Composer 1, which knows one message of each kind: the newest that is for it (CO-012). Late releases compare their version with the
 * constraint, older ones show the message always.
 */
export async function loadLegacyMessageKeys(db: Db, organization: OrganizationId): Promise<Record<string, string>> {
  const keys: Record<string, string> = {}
  for (const { kind, message, versions } of await selectMessages(db, organization)) {
    if (constraintsIntersect(parseConstraint(versions), COMPOSER_1)) {
      keys[kind] = message
      keys[`${kind}-versions`] = versions
    }
  }
  return keys
}
