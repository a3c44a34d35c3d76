import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { DomainError } from '../kernel/errors.ts'
import type { Publication } from '../packages/index.ts'
import type { Reading } from './record-refs.ts'
import { refKey } from './source-refs.sql.ts'
import type { Source } from './sources.sql.ts'
import { insertSyncRun, NO_COUNTS, type SyncCounts, type SyncDetails } from './sync-runs.sql.ts'

/**
 * Writes a sync to the source's log, in the transaction that records it (PR-609). Versions that were refused, because another source has
 * the name or policy forbids the change, count as failed; the run failed if there are such and nothing was added or updated.
 */
export async function recordRun(ctx: Ctx, tx: Tx, reading: Reading, publication: Publication): Promise<void> {
  const { source, identified } = reading
  const { published: added, updated, removed } = publication
  const failed = countRefused(reading, publication)
  const problem = describeRefused(publication)
  await insertSyncRun(tx.db, {
    uid: tx.newId(),
    source: source.id,
    state: failed > 0 && added + updated === 0 ? 'failed' : 'success',
    startedAt: ctx.now,
    completedAt: ctx.clock.now(),
    errorCode: publication.taken.length > 0 ? 'package_taken' : null,
    error: problem,
    added,
    updated,
    removed,
    failed,
    skipped: identified.skipped.size,
    details: detail(reading, publication),
  })
}

/** Writes a sync that failed before it could record anything. */
export async function recordFailedRun(ctx: Ctx, tx: Tx, source: Source, error: DomainError): Promise<void> {
  await writeRun(ctx, tx, source, { ...NO_COUNTS, state: 'failed', errorCode: error.code, error: error.message })
}

/** Writes a sync of a source without refs, which fetched what was missing. */
export async function recordFetchRun(ctx: Ctx, tx: Tx, source: Source, fetched: number): Promise<void> {
  await writeRun(ctx, tx, source, { ...NO_COUNTS, updated: fetched, state: 'success', errorCode: null, error: null })
}

type Outcome = SyncCounts & { state: 'success' | 'failed'; errorCode: string | null; error: string | null }

async function writeRun(ctx: Ctx, tx: Tx, source: Source, outcome: Outcome): Promise<void> {
  const times = { startedAt: ctx.now, completedAt: ctx.clock.now() }
  await insertSyncRun(tx.db, { uid: tx.newId(), source: source.id, ...times, ...outcome, details: null })
}

function countRefused({ identified }: Reading, { taken, held }: Publication): number {
  const refused = identified.packages.filter(({ name }) => taken.includes(name)).flatMap(({ versions }) => versions)
  return refused.length + held.length
}

function describeRefused({ taken, held }: Publication): string | null {
  const names = taken.map((name) => `The package ${name} is published from another source of this organization.`)
  const changes = held.map(({ name, version, rule }) => `${name} ${version} was held back: ${rule}.`)
  const problems = [...names, ...changes]
  return problems.length === 0 ? null : problems.slice(0, 20).join(' ')
}

function detail({ refs, known, readmes }: Reading, { removed }: Publication): SyncDetails {
  const unchanged = refs.filter((ref) => known.get(refKey(ref))?.commit === ref.commit).length
  return {
    tags: refs.filter(({ kind }) => kind === 'tag').length,
    branches: refs.filter(({ kind }) => kind === 'branch').length,
    refs: refs.length,
    unchanged,
    read: refs.length - unchanged,
    staleVersions: removed,
    readmes: readmes.found.size,
  }
}
