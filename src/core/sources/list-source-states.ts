import { authorize } from '../access/index.ts'
import { selectOpenPayloads } from '../jobs/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobPayloads } from '../kernel/jobs.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { visibleSources } from './source-visibility.ts'
import { selectSources, type Source } from './sources.sql.ts'

const PAGE = 500

/** A source with what it is doing. */
export interface SourceState {
  source: Source
  /** A sync waits or runs. */
  isPending: boolean
}

/**
 * All sources of an organization with their states, in the order of their creation. A token that is limited to packages, and a member
 * who sees those of teams, sees the sources that feed at least one of these.
 */
export async function listSourceStates(ctx: Ctx, organization: OrganizationId): Promise<SourceState[]> {
  await authorize(ctx, 'source.browse', organization)
  const isVisible = await visibleSources(ctx, organization)
  const payloads = await selectOpenPayloads(ctx.db, organization, 'source.sync')
  const pending = new Set(payloads.map((payload) => (JSON.parse(payload) as JobPayloads['source.sync']).source))
  const states: SourceState[] = []
  let after: number | null = null
  do {
    const page: Awaited<ReturnType<typeof selectSources>> = await selectSources(ctx.db, organization, { limit: PAGE, after })
    const visible = page.items.filter((source) => isVisible(source.id))
    states.push(...visible.map((source) => ({ source, isPending: pending.has(source.id) })))
    after = page.next
  } while (after !== null)
  return states
}
