/**
 * What is wrong with archives of an upstream is noted as an incident, and remembered for a while: clients repeat a failed download up to sixteen
 * times (contract composer.md §2.8), and an upstream must not have to send the same wrong file for each of them.
 */
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError, isDomainError } from '../../kernel/errors.ts'
import type { Instant } from '../../kernel/values.ts'
import type { Package } from '../../packages/index.ts'
import { recordIncident } from '../incidents.ts'
import { findLatestIncident } from './archive-incidents.sql.ts'

type Kind = 'archive-missing' | 'bytes' | 'archive-unusable'

const MINUTE = 60_000
const MEMORY: Readonly<Record<Kind, number>> = {
  'archive-missing': 5 * MINUTE,
  bytes: MINUTE,
  'archive-unusable': MINUTE,
}
const KINDS = Object.keys(MEMORY) as Kind[]

/** Which archive. */
export interface ArchiveKey {
  target: Package
  reference: string
}

/** Throws what is known to be wrong with an archive since shortly. */
export async function requireNoKnownProblem(ctx: Ctx, { target, reference }: ArchiveKey): Promise<void> {
  const known = await findLatestIncident(ctx.db, {
    source: target.source,
    kinds: KINDS,
    subject: archiveSubject({ target, reference }),
  })
  const until = known === null ? 0 : known.lastAt + MEMORY[known.kind]
  if (known !== null && until > ctx.clock.now()) {
    throw toError(known, until)
  }
}

/** That there is no archive ends at `until`, although nothing changes here: the upstream may have it by then. */
function toError({ kind, detail }: { kind: Kind; detail: string }, until: Instant): DomainError {
  return kind === 'archive-missing'
    ? new DomainError('dist_not_found', { until })
    : new DomainError('upstream_failed', { problem: detail })
}

/** The upstream says that it does not have the archive. Returns the error for whoever asked. */
export async function noteMissing(ctx: Ctx, key: ArchiveKey, { hostname, status }: { hostname: string; status: number }) {
  return note(ctx, key, { kind: 'archive-missing', detail: `${hostname} answered ${status}`, sha1: null })
}

/** Bytes arrived that are not the archive. Returns the error for whoever asked; any that says nothing about the bytes is returned as it is. */
export async function noteWrong(ctx: Ctx, key: ArchiveKey, error: unknown): Promise<unknown> {
  if (isDomainError(error, 'archive_differs')) {
    return note(ctx, key, { kind: 'bytes', detail: error.message, sha1: String(error.details['found']) })
  }
  if (isDomainError(error, 'archive_refused') || isDomainError(error, 'archive_too_large')) {
    return note(ctx, key, { kind: 'archive-unusable', detail: error.message, sha1: null })
  }
  return error
}

async function note(
  ctx: Ctx,
  { target, reference }: ArchiveKey,
  { kind, detail, sha1 }: { kind: Kind; detail: string; sha1: string | null },
): Promise<DomainError> {
  const { id, organization, source, name } = target
  await ctx.transaction(async (tx) => {
    await recordIncident(tx, { source, organization, kind, subject: archiveSubject({ target, reference }), detail })
    const about = { organization, package: id, name, reference }
    await (sha1 === null
      ? tx.record({ type: 'dist.failed', ...about, problem: detail })
      : tx.record({ type: 'dist.differed', ...about, sha1 }))
  })
  return toError({ kind, detail }, ctx.clock.now() + MEMORY[kind])
}

/** What incidents about an archive are filed under. */
export function archiveSubject({ target, reference }: { target: Pick<Package, 'name'>; reference: string }): string {
  return `${target.name} ${reference}`
}
