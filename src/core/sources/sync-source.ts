/**
 * One sync of a git source, run by a job: fetch → refs → manifests → identify → record. Everything up to the last step only
 * reads and may be cut off anywhere; the last step is one transaction that compares the source's revision, so that a sync
 * whose lease was lost cannot write over a newer one. What a source published stays as it is when a sync fails.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { GitRefs } from '../kernel/ports.ts'
import type { SourceId } from '../kernel/values.ts'
import { publishPackages, type Publication } from '../packages/index.ts'
import { askHost, postponeLimited } from './ask-host.ts'
import { refreshExpiry } from './credential-expiry.ts'
import type { IdentifiedVersions } from './identify-versions.ts'
import { readAndIdentify } from './read-and-identify.ts'
import { recordReadmes } from './read-readmes.ts'
import { rememberRevisions } from './source-revisions.sql.ts'
import { refKey, selectKnownRefs } from './source-refs.sql.ts'
import { planNextSync } from './plan-next-sync.ts'
import { recordChildren } from './record-children.ts'
import { hasMoved, listNewRevisions, recordRefs, SOME_CHILDREN, type Reading } from './record-refs.ts'
import { recordFailedRun, recordRun } from './record-run.ts'
import { findSource, recordFailing, recordSynced, type Source } from './sources.sql.ts'
import { requireSameRepository } from './require-same-repository.ts'
import { selectWithdrawnRefs } from './withdrawn-refs.sql.ts'
import { withdrawRefs } from './withdraw-refs.ts'
import { originOf } from './source-health.ts'
import { syncCustomSource } from './sync-custom-source.ts'

/** Lines about single refs in a sync's log; the list of skipped refs is kept with the source in full. */
const LOGGED_REFS = 500
const PREBUILD_ATTEMPTS = 3
const NO_REVISIONS: ReadonlyMap<string, string> = new Map()

/** What a sync found and changed. */
export interface SyncOutcome {
  refs: number
  versions: number
  skipped: number
  published: number
  updated: number
  removed: number
}

/**
 * Brings a source up to date. Throws the `DomainError` that explains a failure after writing it to the source. Does nothing when
 * the source was removed meanwhile.
 */
export async function syncSource(ctx: Ctx, id: SourceId, report: JobReport): Promise<SyncOutcome | null> {
  const source = await findSource(ctx.db, id)
  if (source === null) {
    report.log('info', 'The source was removed; there is nothing to do.')
    return null
  }
  if (source.kind === 'artifact') {
    report.log('info', 'The source has no repository; there is nothing to do.')
    return null
  }
  try {
    return await (source.kind === 'custom' ? syncDefined(ctx, source, report) : syncExisting(ctx, source, report))
  } catch (error) {
    if (isDomainError(error, 'source_limited')) {
      await postponeLimited(ctx, source, error)
    } else if (isDomainError(error) && error.code !== 'sync_overtaken') {
      await writeFailure(ctx, source, error)
    }
    throw error
  }
}

async function syncExisting(ctx: Ctx, source: Source, report: JobReport): Promise<SyncOutcome> {
  await fetchMirror(ctx, source, report)
  await refreshExpiry(ctx, source)
  await report.step('refs')
  const listed = await ctx.git.listRefs(source.uid, ctx.limits.sourceRefs)
  const known = new Map((await selectKnownRefs(ctx.db, source.id)).map((ref) => [refKey(ref), ref]))
  requireSameRepository(known.values(), listed.refs)
  const { refs, identified, children, readmes } = await readAndIdentify(ctx, report, { source, listed, known })
  logSkipped(report, identified)
  const revisions = source.vcs === 'git' ? NO_REVISIONS : await ctx.git.listRevisions(source.uid)
  const reading = { source, listed, refs, known, identified, children, revisions, readmes }
  const isWithdrawn = withdrawRefs(identified, await selectWithdrawnRefs(ctx.db, source.id))
  if (identified.packages.length === 0 && !isWithdrawn) {
    throw new DomainError('source_invalid', { problem: emptyProblem(listed) }, new NothingUsable(reading))
  }
  await report.step('record')
  const publication = await record(ctx, reading)
  logPublication(report, publication)
  return {
    refs: refs.length,
    versions: identified.packages.flatMap((one) => one.versions).length,
    skipped: identified.skipped.size,
    published: publication.published,
    updated: publication.updated,
    removed: publication.removed,
  }
}

/** A custom source has no refs; its versions were published when they were defined. */
async function syncDefined(ctx: Ctx, source: Source, report: JobReport): Promise<SyncOutcome> {
  const { fetched } = await syncCustomSource(ctx, source, report)
  return { refs: 0, versions: fetched, skipped: 0, published: 0, updated: 0, removed: 0 }
}

/** Brings the mirror of a source up to its remote, as the first step of a job. */
export async function fetchMirror(ctx: Ctx, source: Source, report: JobReport): Promise<void> {
  await report.step('fetch')
  const { limits } = ctx
  await askHost(ctx, { source, origin: originOf(source) }, (credential) =>
    ctx.git.fetch({
      mirror: source.uid,
      vcs: source.vcs,
      url: source.url,
      credential,
      limits: {
        bytes: limits.sourceBytes,
        objects: limits.sourceObjects,
        stall: limits.sourceStall,
        duration: limits.sourceDuration,
      },
      onProgress: ({ done }) => report.progress(done),
    }),
  )
}

const NO_REFS = 'it has neither branches nor tags'
const NO_MANIFEST = 'no usable composer.json was found in any branch or tag'

function emptyProblem(listed: GitRefs): string {
  if (listed.refs.length === 0) {
    return NO_REFS
  }
  return NO_MANIFEST
}

/** Whether a sync failed because no ref gives a version; what the refs lack is recorded then. */
export function isNothingUsable(problem: string): boolean {
  return problem.endsWith(NO_REFS) || problem.endsWith(NO_MANIFEST)
}

/** Carries what was read of a repository that has nothing to publish. */
class NothingUsable extends Error {
  readonly reading: Reading

  constructor(reading: Reading) {
    super('No ref gives a version.')
    this.name = 'NothingUsable'
    this.reading = reading
  }
}

/** So that whoever asks for one ref learns what it lacks. A sync that was overtaken leaves the refs of the other. */
async function recordUnusable(tx: Tx, { cause }: DomainError): Promise<void> {
  if (
    cause instanceof NothingUsable &&
    (await findSource(tx.db, cause.reading.source.id))?.syncRevision === cause.reading.source.syncRevision
  ) {
    const publication = { changed: [], taken: [], held: [], published: 0, updated: 0, removed: 0 }
    await recordRefs(tx, cause.reading, publication)
  }
}

async function record(ctx: Ctx, reading: Reading): Promise<Publication> {
  const { source, listed, identified } = reading
  const isChanged = hasMoved(reading)
  return ctx.transaction(async (tx) => {
    const isOurs = await recordSynced(tx.db, {
      id: source.id,
      revision: source.syncRevision,
      defaultBranch: listed.defaultBranch,
      at: tx.now,
      nextSyncAt: planNextSync({ ...source, overdueSyncs: 0 }, tx.now),
      change: isChanged ? { since: source.syncedAt } : null,
    })
    if (!isOurs) {
      throw new DomainError('sync_overtaken')
    }
    await rememberRevisions(tx.db, source.id, listNewRevisions(reading))
    const publication = await publishPackages(tx, {
      organization: source.organization,
      source: source.id,
      packages: identified.packages,
    })
    await recordRefs(tx, reading, publication)
    await recordReadmes(tx, source, reading.readmes)
    if (reading.children !== null) {
      await recordChildren(tx, source, { ...reading.children, publication })
    }
    await tx.record({
      type: 'source.synced',
      organization: source.organization,
      source: source.id,
      versions: publication.published + publication.updated,
      skipped: identified.skipped.size,
    })
    await recordRun(ctx, tx, reading, publication)
    if (ctx.archives.enabled || reading.children !== null) {
      await enqueuePrebuilds(tx, source, publication)
    }
    return publication
  })
}

async function enqueuePrebuilds(tx: Tx, source: Source, publication: Publication): Promise<void> {
  // In one order everywhere: two transactions that enqueue the same keys must not wait for each other in a circle.
  for (const { id } of publication.changed.toSorted((left, right) => left.id - right.id)) {
    await tx.enqueue({
      kind: 'archives.prebuild',
      payload: { package: id },
      organization: source.organization,
      dedupeKey: `archives.prebuild:${id}`,
      lane: 'background',
      maxAttempts: PREBUILD_ATTEMPTS,
    })
  }
}

async function writeFailure(ctx: Ctx, source: Source, error: DomainError): Promise<void> {
  await ctx.transaction(async (tx) => {
    if (await recordFailing(tx.db, source.id, error.code, error.message)) {
      await recordFailedRun(ctx, tx, source, error)
      await recordUnusable(tx, error)
    }
    await tx.record({
      type: 'source.failed',
      organization: source.organization,
      source: source.id,
      code: error.code,
      problem: error.message,
    })
  })
}

function logSkipped(report: JobReport, { skipped, problems }: IdentifiedVersions): void {
  let lines = 0
  for (const [ref, { code, reason }] of skipped) {
    if (lines === LOGGED_REFS) {
      report.log('warning', `${skipped.size - lines} more refs were skipped; the source lists them all.`)
      break
    }
    const what =
      code === SOME_CHILDREN ? `Not every package was imported of ${describeRef(ref)}:` : `Skipped ${describeRef(ref)},`
    report.log('warning', `${what} ${reason}`)
    lines += 1
  }
  let flawed = 0
  for (const [ref, faults] of problems) {
    if (flawed === LOGGED_REFS) {
      return
    }
    report.log('warning', `Imported ${describeRef(ref)} although its composer.json has faults: ${faults.join('; ')}`)
    flawed += 1
  }
}

function describeRef(ref: string): string {
  return ref.startsWith('refs/tags/') ? `tag ${ref.slice(10)}` : `branch ${ref.slice(11)}`
}

function logPublication(report: JobReport, publication: Publication): void {
  for (const name of publication.taken) {
    report.log('error', `The package ${name} is published from another source of this organization; nothing of it was imported.`)
  }
  for (const { name, version, rule } of publication.held) {
    report.log('warning', `${name} ${version} was held back: ${rule}`)
  }
  const { published, updated, removed } = publication
  report.log('info', `${published} versions published, ${updated} updated, ${removed} removed.`)
}
