import { MAX_CONSTRAINT_LENGTH, parsePackageName } from '../../composer/index.ts'
import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { MAX_PAGE, toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Random } from '../kernel/ports.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'
import { toInertText } from '../mail/index.ts'
import type { Advisory, Severity } from './advisory.ts'
import { insertAdvisories, updateAdvisory, withdrawAdvisories } from './advisories.sql.ts'
import { isBroad } from './match-advisories.ts'
import { isCve, webAddress, type ReadAdvisory } from './read-advisories.ts'
import { touchNames } from './record-advisories.ts'
import { requestScan } from './request-scan.ts'
import { findAdvisory, selectAdvisories, selectOwn } from './select-advisories.sql.ts'
import { getVisibleNames } from './visible-names.ts'

/** The alphabet of packagist.org's ids (contract composer.md §7.6): letters and digits that are not mistaken for each other, no vowels. */
const ALPHABET = 'bcdfghjkmnpqrstvwxyz123456789'
const MAX_TITLE = 500
const SOURCE_NAME = 'Repertoire'

/** What an organization says about an advisory of its own. Null is unknown; `reportedAt` null is now. */
export interface AdvisoryContent {
  affectedVersions: string
  title: string
  link: string | null
  cve: string | null
  severity: Severity | null
  reportedAt: Instant | null
}

/** `isConfirmed`: also when the constraint covers every version, which blocks every update of the package, or is none, which covers nothing. */
export interface AddAdvisory extends AdvisoryContent {
  organization: OrganizationId
  packageName: string
  isConfirmed: boolean
}

/**
 * Adds an advisory of the organization's own about a package of any name; nobody but its suborganizations is told of it. Throws `invalid_input`, also for a constraint
 * that covers everything or is none as long as that is not confirmed.
 */
export async function addAdvisory(ctx: Ctx, input: AddAdvisory): Promise<Advisory> {
  const { organization } = input
  await authorize(ctx, 'advisory.change', organization)
  const packageName = parsePackageName(input.packageName)
  if (packageName === null) {
    throw invalidInput('package', `"${input.packageName}" is not the name of a package`)
  }
  const content = parseContent(input, input.isConfirmed)
  const advisoryId = newAdvisoryId(ctx.random)
  const sources = [{ name: SOURCE_NAME, remoteId: advisoryId }]
  return ctx.transaction(async (tx) => {
    const advisory: ReadAdvisory = {
      ...content,
      advisoryId,
      packageName,
      reportedAt: content.reportedAt ?? tx.now,
      sources,
      composerRepository: null,
    }
    const newId = () => tx.newId()
    await insertAdvisories(tx.db, { feed: null, organization, advisories: [advisory], newId, now: tx.now })
    await touchNames(tx, organization, [packageName])
    await requestScan(tx)
    await tx.record({ type: 'advisory.added', organization, advisory: advisoryId, name: packageName })
    return getOwn(tx.db, organization, advisoryId)
  })
}

/** Changes an advisory of the organization's own; what is not given stays. Throws `advisory_not_found`, and as `addAdvisory`. */
export async function changeAdvisory(
  ctx: Ctx,
  input: { organization: OrganizationId; advisoryId: string; change: Partial<AdvisoryContent>; isConfirmed: boolean },
): Promise<Advisory> {
  const { organization, advisoryId } = input
  await authorize(ctx, 'advisory.change', organization)
  const before = await getOwn(ctx.db, organization, advisoryId)
  const isSameConstraint =
    input.change.affectedVersions === undefined || input.change.affectedVersions === before.affectedVersions
  const content = parseContent({ ...before, ...input.change }, input.isConfirmed || isSameConstraint)
  return ctx.transaction(async (tx) => {
    const { id, packageName, sources, composerRepository } = await getOwn(tx.db, organization, advisoryId)
    const reportedAt = content.reportedAt ?? before.reportedAt
    const advisory = { ...content, advisoryId, packageName, reportedAt, composerRepository, sources: [...sources] }
    await updateAdvisory(tx.db, id, { advisory, now: tx.now })
    await touchNames(tx, organization, [packageName])
    await requestScan(tx)
    await tx.record({ type: 'advisory.changed', organization, advisory: advisoryId, name: packageName })
    return getOwn(tx.db, organization, advisoryId)
  })
}

/** Withdraws an advisory of the organization's own: clients are not told of it any more, and its findings are resolved. Throws `advisory_not_found`. */
export async function withdrawAdvisory(
  ctx: Ctx,
  { organization, advisoryId }: { organization: OrganizationId; advisoryId: string },
): Promise<void> {
  await authorize(ctx, 'advisory.change', organization)
  await ctx.transaction(async (tx) => {
    const { id, packageName } = await getOwn(tx.db, organization, advisoryId)
    await withdrawAdvisories(tx.db, [id], tx.now)
    await touchNames(tx, organization, [packageName])
    await requestScan(tx)
    await tx.record({ type: 'advisory.withdrawn', organization, advisory: advisoryId, name: packageName })
  })
}

/** The organization's own advisories about packages that the actor may see, the oldest first. */
export async function listOwnAdvisories(ctx: Ctx, organization: OrganizationId, page: Page): Promise<Paged<Advisory>> {
  await authorize(ctx, 'advisory.list', organization)
  const mayTell = await getVisibleNames(ctx, organization)
  const limit = Math.min(page.limit, MAX_PAGE)
  const listed: Advisory[] = []
  let after: number | null = page.after ?? 0
  while (after !== null && listed.length <= limit) {
    const rows: Advisory[] = await selectOwn(ctx.db, organization, { limit: MAX_PAGE, after })
    listed.push(...rows.filter(({ packageName }) => mayTell(packageName)))
    after = rows.length < MAX_PAGE ? null : (rows.at(-1)?.id ?? null)
  }
  return toPaged(listed, limit)
}

/** All advisories about a package that the organization is told, the newest first; none of a package that the actor may not see. */
export async function listAdvisoriesOf(
  ctx: Ctx,
  { organization, name }: { organization: OrganizationId; name: string },
): Promise<Advisory[]> {
  await authorize(ctx, 'advisory.list', organization)
  const mayTell = await getVisibleNames(ctx, organization)
  const wanted = name.toLowerCase()
  const told = mayTell(wanted) ? await selectAdvisories(ctx.db, { organization, names: [wanted] }) : new Map<string, Advisory[]>()
  return told.get(wanted) ?? []
}

/** An advisory that the organization is told, by its id. Throws `advisory_not_found`, also when the actor may not see the package. */
export async function getAdvisory(
  ctx: Ctx,
  { organization, advisoryId }: { organization: OrganizationId; advisoryId: string },
): Promise<Advisory> {
  await authorize(ctx, 'advisory.list', organization)
  const mayTell = await getVisibleNames(ctx, organization)
  const found = await findAdvisory(ctx.db, organization, advisoryId)
  if (found === null || !mayTell(found.packageName)) {
    throw new DomainError('advisory_not_found')
  }
  return found
}

async function getOwn(db: Ctx['db'], organization: OrganizationId, advisoryId: string): Promise<Advisory> {
  const found = await findAdvisory(db, organization, advisoryId)
  if (found === null || found.organization !== organization) {
    throw new DomainError('advisory_not_found')
  }
  return found
}

function parseContent(input: AdvisoryContent, isConfirmed: boolean): AdvisoryContent {
  const affectedVersions = toInertText(input.affectedVersions, MAX_CONSTRAINT_LENGTH)
  if (affectedVersions === '') {
    throw invalidInput('affected', 'give the versions that are affected, such as ">=1.0,<1.2.3"')
  }
  if (!isConfirmed && isBroad(affectedVersions)) {
    throw invalidInput('affected', `"${affectedVersions}" covers every version or is no constraint; confirm it if that is meant`)
  }
  const title = toInertText(input.title, MAX_TITLE)
  if (title === '') {
    throw invalidInput('title', 'give a title')
  }
  if (input.cve !== null && !isCve(input.cve)) {
    throw invalidInput('cve', 'give an identifier such as CVE-2026-12345')
  }
  if (input.link !== null && webAddress(input.link) === null) {
    throw invalidInput('link', 'give an http or https URL without credentials')
  }
  const { severity, reportedAt } = input
  return { affectedVersions, title, severity, reportedAt, link: webAddress(input.link), cve: input.cve?.toUpperCase() ?? null }
}

/** `RPSA-xxxx-xxxx-xxxx`: 58 bits, so that no two are ever the same. */
function newAdvisoryId(random: Random): string {
  const letters: string[] = []
  // Bytes beyond the last whole multiple would make some letters more likely.
  const fair = 256 - (256 % ALPHABET.length)
  while (letters.length < 12) {
    letters.push(...[...random.bytes(16)].filter((byte) => byte < fair).map((byte) => ALPHABET[byte % ALPHABET.length] ?? ''))
  }
  const text = letters.slice(0, 12).join('')
  return `RPSA-${text.slice(0, 4)}-${text.slice(4, 8)}-${text.slice(8)}`
}
