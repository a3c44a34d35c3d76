import { MAX_CONSTRAINT_LENGTH, parsePackageName, tryParseConstraint } from '../../../composer/index.ts'
import { authorize } from '../../access/index.ts'
import type { Ctx, Tx } from '../../kernel/ctx.ts'
import { DomainError, invalidInput } from '../../kernel/errors.ts'
import { MAX_PAGE, type Page, type Paged } from '../../kernel/paging.ts'
import { toSeconds, type OrganizationId } from '../../kernel/values.ts'
import { bumpOrganization, listFamily, type Organization } from '../../organizations/index.ts'
import { bumpPackage, findPackage } from '../../packages/index.ts'
import {
  countOwnEntries,
  deleteOwnEntry,
  findSameEntry,
  insertOwnEntry,
  selectOwnEntries,
  type FilterEntry,
} from './filter-entries.sql.ts'
import { selectFeedsOf, type FeedState } from './filter-feeds.sql.ts'
import { parseListName } from './list-name.ts'

/** Each is compared with every version of its package whenever that is rendered. */
const MAX_ENTRIES = 10_000
const MAX_REASON = 500
const MAX_URL = 2_000

/** What is put on a list. */
export interface NewBlock {
  organization: Organization
  /** See `BLOCK_LIST`; other lists are for policies of clients. */
  list: string
  name: string
  /** A constraint; `*` is every version. */
  versions: string
  reason: string | null
  /** Where to read more. */
  url: string | null
}

/**
 * Puts versions of a package on a list of an organization, which holds in its suborganizations too; the package need not be there. Of equal
 * entries only the first is kept, and returned. Throws `invalid_input` and `limit_reached`.
 */
export async function blockPackage(ctx: Ctx, input: NewBlock): Promise<FilterEntry> {
  const { organization } = input
  await authorize(ctx, 'filter.change', organization.id)
  const entry = parseBlock(input)
  return ctx.transaction(async (tx) => {
    await bumpRepositories(tx, organization, entry.packageName)
    const known = await findSameEntry(tx.db, { organization: organization.id, ...entry })
    if (known === null && (await countOwnEntries(tx.db, organization.id)) >= MAX_ENTRIES) {
      throw new DomainError('limit_reached', { limit: MAX_ENTRIES, things: 'entries of filter lists' })
    }
    const { list, packageName: name, affectedVersions: versions } = entry
    await tx.record({ type: 'filter-entry.added', organization: organization.id, list, name, versions })
    return known ?? insertOwnEntry(tx.db, organization.id, { ...entry, uid: tx.newId(), remoteId: null, createdAt: tx.now })
  })
}

/** Takes an entry from its list. Throws `filter_entry_not_found`. */
export async function unblockPackage(ctx: Ctx, input: { organization: Organization; uid: string }): Promise<FilterEntry> {
  const { organization, uid } = input
  await authorize(ctx, 'filter.change', organization.id)
  return ctx.transaction(async (tx) => {
    const entry = await deleteOwnEntry(tx.db, organization.id, uid)
    if (entry === null) {
      throw new DomainError('filter_entry_not_found')
    }
    await bumpRepositories(tx, organization, entry.packageName)
    const { list, packageName: name, affectedVersions: versions } = entry
    await tx.record({ type: 'filter-entry.removed', organization: organization.id, list, name, versions })
    return entry
  })
}

/** The own entries of an organization in the order of their creation, of one list or of all. */
export async function listBlocked(
  ctx: Ctx,
  input: { organization: OrganizationId; list: string | null; page: Page },
): Promise<Paged<FilterEntry>> {
  const { organization, list, page } = input
  await authorize(ctx, 'filter.list', organization)
  return selectOwnEntries(ctx.db, { organization, list }, { ...page, limit: Math.min(page.limit, MAX_PAGE) })
}

/** The feeds whose lists count in an organization, with their age and their problems. */
export async function listFilterFeeds(ctx: Ctx, organization: OrganizationId): Promise<FeedState[]> {
  await authorize(ctx, 'filter.list', organization)
  return selectFeedsOf(ctx.db, organization)
}

/** The root file names lists, and metadata has their entries: both move (CO-005, CO-040). */
async function bumpRepositories(tx: Tx, organization: Organization, name: string): Promise<void> {
  for (const { id } of await listFamily(tx.db, organization)) {
    await bumpOrganization(tx.db, id, toSeconds(tx.now))
    const target = await findPackage(tx.db, id, name)
    if (target !== null) {
      await bumpPackage(tx.db, target.id, toSeconds(tx.now))
    }
  }
}

function parseBlock(input: NewBlock) {
  const name = parsePackageName(input.name.trim())
  if (name === null) {
    throw invalidInput('name', 'give the name of a package, such as acme/http')
  }
  const versions = input.versions.trim()
  if (versions.length > MAX_CONSTRAINT_LENGTH || tryParseConstraint(versions) === null) {
    throw invalidInput('versions', 'give a constraint, such as ">=1.0,<1.2", or "*" for every version')
  }
  return {
    list: parseListName(input.list),
    packageName: name as string,
    affectedVersions: versions,
    reason: parseReason(input.reason),
    url: parseUrl(input.url),
  }
}

function parseReason(text: string | null): string | null {
  const reason = (text ?? '').trim()
  if (reason.length > MAX_REASON || /\p{Cc}/u.test(reason)) {
    throw invalidInput('reason', `give at most ${MAX_REASON} characters in one line`)
  }
  return reason === '' ? null : reason
}

function parseUrl(text: string | null): string | null {
  if (text === null || text === '') {
    return null
  }
  const url = text.length > MAX_URL ? null : URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw invalidInput('url', 'give an http or https address without credentials')
  }
  return url.href
}
