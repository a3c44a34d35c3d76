import { authorize, authorizeForPackage } from '../access/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { MAX_PAGE } from '../kernel/paging.ts'
import type { OrganizationId, UserId } from '../kernel/values.ts'
import { toInertText } from '../mail/index.ts'
import { SEVERITIES, type Severity } from './advisory.ts'
import {
  findFinding,
  lockFinding,
  selectFindingCounts,
  selectFindings,
  selectVersionsOfFindings,
  writeState,
  type Finding,
  type FindingFilter,
  type FindingState,
} from './findings.sql.ts'
import { getVisibleNames } from './visible-names.ts'

/** All states of findings; see `Finding`. */
export const FINDING_STATES = [
  'open',
  'in_progress',
  'resolved',
  'not_affected',
  'false_positive',
  'no_capacity',
  'wont_fix',
] as const satisfies readonly FindingState[]

/** What a decision to close a finding without a change of the package needs a reason for. */
const NEEDS_REASON: readonly FindingState[] = ['not_affected', 'false_positive', 'no_capacity', 'wont_fix']
const MAX_REASON = 1_000

/** A finding with the versions that it names now, as people write them. */
export type ListedFinding = Finding & { versions: string[] }

/** Findings of an organization about packages that the actor may see, the newest first. `next`: give it as `before` for what follows. */
export async function listFindings(
  ctx: Ctx,
  organization: OrganizationId,
  { filter, limit, before }: { filter: FindingFilter; limit: number; before: number | null },
): Promise<{ findings: ListedFinding[]; next: number | null }> {
  await authorize(ctx, 'advisory.list', organization)
  const isVisible = await getVisibleNames(ctx, organization)
  const wanted = Math.min(limit, MAX_PAGE)
  const listed: Finding[] = []
  let cursor: number | null | undefined = before
  while (cursor !== undefined && listed.length <= wanted) {
    const rows: Finding[] = await selectFindings(ctx.db, organization, { filter, limit: MAX_PAGE, before: cursor })
    listed.push(...rows.filter(({ packageName }) => isVisible(packageName)))
    cursor = rows.length < MAX_PAGE ? undefined : rows.at(-1)?.id
  }
  const page = listed.slice(0, wanted)
  const versions = await selectVersionsOfFindings(
    ctx.db,
    page.map(({ id }) => id),
  )
  return {
    findings: page.map((finding) => ({ ...finding, versions: versions.get(finding.id) ?? [] })),
    next: listed.length > wanted ? (page.at(-1)?.id ?? null) : null,
  }
}

/** How many findings there are in each state, and how many of those that are open or in progress have which severity. */
export interface FindingCounts {
  states: Record<FindingState, number>
  pending: Record<Severity | 'unknown', number>
}

/** Counts the findings of an organization about packages that the actor may see. */
export async function countFindings(ctx: Ctx, organization: OrganizationId): Promise<FindingCounts> {
  await authorize(ctx, 'advisory.list', organization)
  const isVisible = await getVisibleNames(ctx, organization)
  const states = Object.fromEntries(FINDING_STATES.map((state) => [state, 0])) as FindingCounts['states']
  const pending = Object.fromEntries([...SEVERITIES, 'unknown'].map((severity) => [severity, 0])) as FindingCounts['pending']
  for (const { packageName, state, severity, count } of await selectFindingCounts(ctx.db, organization)) {
    if (!isVisible(packageName)) {
      continue
    }
    states[state] += count
    if (state === 'open' || state === 'in_progress') {
      pending[severity ?? 'unknown'] += count
    }
  }
  return { states, pending }
}

/** A finding by its uid. Throws `finding_not_found`, also when the actor may not see the package. */
export async function getFinding(
  ctx: Ctx,
  { organization, uid }: { organization: OrganizationId; uid: string },
): Promise<ListedFinding> {
  await authorize(ctx, 'advisory.list', organization)
  const isVisible = await getVisibleNames(ctx, organization)
  const finding = await findFinding(ctx.db, organization, uid)
  if (finding === null || !isVisible(finding.packageName)) {
    throw new DomainError('finding_not_found')
  }
  const versions = await selectVersionsOfFindings(ctx.db, [finding.id])
  return { ...finding, versions: versions.get(finding.id) ?? [] }
}

/**
 * Decides about a finding. Closing one without a change of the package needs a reason; who decided what, when and why is kept in the finding,
 * and each decision in the audit log. Throws `finding_not_found` and `invalid_input`.
 */
export async function changeFinding(
  ctx: Ctx,
  finding: Pick<Finding, 'id' | 'uid' | 'organization' | 'packageName'>,
  { state, reason: given }: { state: FindingState; reason: string | null },
): Promise<void> {
  const { organization, uid } = finding
  await authorizeForPackage(ctx, 'finding.change', { organization, name: finding.packageName })
  const reason = given === null ? null : toInertText(given, MAX_REASON) || null
  if (reason === null && NEEDS_REASON.includes(state)) {
    throw invalidInput('reason', `say why the finding is to be "${state}"`)
  }
  await ctx.transaction(async (tx) => {
    const present = (await lockFinding(tx.db, finding.id)) ? await findFinding(tx.db, organization, uid) : null
    if (present === null) {
      throw new DomainError('finding_not_found')
    }
    await writeState(tx.db, present.id, { state, reason, by: personOf(tx.actor), now: tx.now })
    await tx.record({
      type: 'finding.changed',
      organization,
      package: present.package,
      name: present.packageName,
      finding: uid,
      advisory: present.advisory.advisoryId,
      from: present.state,
      to: state,
      reason,
    })
  })
}

function personOf(actor: Actor): UserId | null {
  return actor.kind === 'user' || actor.kind === 'token' ? actor.user : null
}
