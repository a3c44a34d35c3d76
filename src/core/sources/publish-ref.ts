/**
 * Publishing one tag or branch because somebody asks for it now. What is published is what a sync finds, so this asks for a sync, waits for it and
 * tells what became of the ref; whoever asks for several refs of a source at once waits for one sync.
 */
import { isPlainVersion, parsePackageName, plainVersion, type NamedRef } from '../../composer/index.ts'
import { findJob, hastenJob } from '../jobs/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, ERROR_CATALOGUE, type ErrorCode } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { findPackage, hasVersionOfRef, selectManifests } from '../packages/index.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { fullRefName } from './identify-versions.ts'
import { findKnownRef, type KnownRef } from './source-refs.sql.ts'
import type { Source } from './sources.sql.ts'
import { isNothingUsable } from './sync-source.ts'
import { restoreRef } from './withdrawn-refs.sql.ts'

/** How long somebody waits for the sync, in milliseconds. */
const TIMEOUT = 100_000
/** A sync that failed may be tried again later; nobody waits for that. */
const GLANCE = 1_000

/** Why a ref gives no version. */
export type RefRule = 'manifest-missing' | 'manifest-unreadable' | 'name' | 'name-taken' | 'version' | 'refused'

/** Lets somebody publish from a source. Throws as `authorize`. */
export async function authorizePublishing(ctx: Ctx, source: Source): Promise<void> {
  await authorizeSource(ctx, 'source.publish', source)
}

/**
 * Publishes the version that a ref of a repository is, as it is there now, and returns it; a version that was published before is brought up to date, one
 * that was deleted comes back. Throws `ref_not_found`; `ref_refused` with a `RefRule` for a ref that gives no version; what the sync failed
 * of; and `sync_pending` when it takes too long.
 */
export async function publishRef(ctx: Ctx, { source, ref }: { source: Source; ref: NamedRef }): Promise<string> {
  await authorizePublishing(ctx, source)
  if (source.kind !== 'vcs') {
    throw new DomainError('ref_not_found', { ...ref })
  }
  const job = await ctx.transaction(async (tx) => {
    await restoreRef(tx.db, source.id, fullRefName(ref))
    await tx.record({
      type: 'source.publish-requested',
      organization: source.organization,
      source: source.id,
      ref: fullRefName(ref),
    })
    const enqueued = await enqueueSync(tx, source, 'interactive')
    // One that failed and waits would tell what was, and not what is.
    await hastenJob(tx.db, enqueued, tx.now)
    return enqueued
  })
  const failure = await waitForSync(ctx, job)
  // Nothing usable in the whole repository is a failure of the sync, but it has read the ref.
  if (failure !== null && !(failure.code === 'source_invalid' && isNothingUsable(String(failure.details['problem'])))) {
    throw failure
  }
  const found = await findKnownRef(ctx.db, source.id, ref)
  if (found === null) {
    throw new DomainError('ref_not_found', { ...ref })
  }
  return requireVersion(ctx, source, found)
}

/** Null when the sync succeeded. */
async function waitForSync(ctx: Ctx, job: JobId): Promise<DomainError | null> {
  for (let waited = 0; waited < TIMEOUT; waited += GLANCE) {
    const outcome = await ctx.jobs.wait(job, GLANCE)
    if (outcome.kind === 'succeeded') {
      return null
    }
    const failure = await findFailure(ctx, job)
    if (failure !== null || outcome.kind === 'failed') {
      return failure ?? new DomainError('sync_pending')
    }
  }
  return new DomainError('sync_pending')
}

/** Of a job that runs again the failure before says nothing. */
async function findFailure(ctx: Ctx, id: JobId): Promise<DomainError | null> {
  const job = await findJob(ctx.db, id)
  const isOver = job?.state === 'failed' || (job?.state === 'queued' && job.runAt > ctx.now)
  if (!isOver || job.errorCode === null) {
    return null
  }
  return new DomainError(isFailure(job.errorCode) ? job.errorCode : 'sync_pending', { problem: job.error ?? '' })
}

function isFailure(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOGUE, code)
}

/** In the order of contract gitlab.md §2.8. */
async function requireVersion(ctx: Ctx, source: Source, ref: KnownRef): Promise<string> {
  const version = plainVersion(ref)
  const refuse = (rule: RefRule, problem: string) =>
    new DomainError('ref_refused', { kind: ref.kind, name: ref.name, rule, problem })
  if (ref.manifestState === 'absent' && source.manifestGlobs === null) {
    throw refuse('manifest-missing', 'it has no composer.json')
  }
  if (source.manifestGlobs === null) {
    await requireName(ctx, source, { ref, refuse })
  }
  if (!isPlainVersion(version)) {
    throw refuse('version', `"${version}" is no version`)
  }
  if (!(await hasVersionOfRef(ctx.db, source.id, { ref: fullRefName(ref), reference: ref.commit }))) {
    throw refuse(isAboutVersion(ref) ? 'version' : 'refused', ref.skipReason ?? 'another ref or source has this version')
  }
  return version
}

async function requireName(
  ctx: Ctx,
  source: Source,
  { ref, refuse }: { ref: KnownRef; refuse: (rule: RefRule, problem: string) => DomainError },
): Promise<void> {
  const text = ref.manifest === null ? undefined : (await selectManifests(ctx.db, [ref.manifest])).get(ref.manifest)
  const manifest = text === undefined ? null : parseObject(text)
  if (manifest === null) {
    throw refuse('manifest-unreadable', 'its composer.json cannot be read')
  }
  const name = typeof manifest['name'] === 'string' ? parsePackageName(manifest['name']) : null
  if (name === null) {
    throw refuse('name', 'its composer.json has no name that a package may have')
  }
  const owner = await findPackage(ctx.db, source.organization, name)
  if (owner !== null && owner.source !== source.id) {
    throw refuse('name-taken', `the package ${name} is published from another source`)
  }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const ABOUT_VERSIONS = new Set(['invalid-name', 'dev-suffix', 'version-mismatch', 'duplicate-version'])

function isAboutVersion({ skipCode }: KnownRef): boolean {
  return skipCode !== null && ABOUT_VERSIONS.has(skipCode)
}
