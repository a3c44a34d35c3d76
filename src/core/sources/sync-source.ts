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
import { hashManifest, publishPackages, storeManifests, type Publication } from '../packages/index.ts'
import { openCredential } from './credentials.ts'
import { fullRefName, identifyVersions, type IdentifiedVersions } from './identify-versions.ts'
import { readRefs, toUnusableRefs, type ReadRef } from './read-refs.ts'
import { deleteRefs, refKey, selectKnownRefs, upsertRefs, type KnownRef } from './source-refs.sql.ts'
import { planNextSync } from './plan-next-sync.ts'
import { findSource, recordFailing, recordSynced, type Source } from './sources.sql.ts'

/** Lines about single refs in a sync's log; the list of skipped refs is kept with the source in full. */
const LOGGED_REFS = 500
const PREBUILD_ATTEMPTS = 3

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
  if (source.kind !== 'vcs') {
    report.log('info', 'The source has no repository; there is nothing to do.')
    return null
  }
  try {
    return await syncExisting(ctx, source, report)
  } catch (error) {
    if (isDomainError(error) && error.code !== 'sync_overtaken') {
      await writeFailure(ctx, source, error)
    }
    throw error
  }
}

async function syncExisting(ctx: Ctx, source: Source, report: JobReport): Promise<SyncOutcome> {
  await fetchMirror(ctx, source, report)
  await report.step('refs')
  const listed = await ctx.git.listRefs(source.uid, ctx.limits.sourceRefs)
  const known = new Map((await selectKnownRefs(ctx.db, source.id)).map((ref) => [refKey(ref), ref]))
  const read = await readRefs(ctx, report, { mirror: source.uid, refs: listed.refs, known })
  const refs = [...read, ...toUnusableRefs(listed.unusable)]
  await report.step('identify')
  const identified = await identifyVersions(ctx, { refs, defaultBranch: listed.defaultBranch })
  logSkipped(report, identified)
  if (identified.packages.length === 0) {
    throw new DomainError('source_invalid', { problem: emptyProblem(listed) })
  }
  await report.step('record')
  const publication = await record(ctx, { source, listed, refs, known, identified })
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

/** Brings the mirror of a source up to its remote, as the first step of a job. */
export async function fetchMirror(ctx: Ctx, source: Source, report: JobReport): Promise<void> {
  await report.step('fetch')
  const credential = source.credential === null ? null : await openCredential(ctx, source.credential)
  const { limits } = ctx
  await ctx.git.fetch({
    mirror: source.uid,
    url: source.url,
    credential,
    limits: {
      bytes: limits.sourceBytes,
      objects: limits.sourceObjects,
      stall: limits.sourceStall,
      duration: limits.sourceDuration,
    },
    onProgress: ({ done }) => report.progress(done),
  })
}

function emptyProblem(listed: GitRefs): string {
  if (listed.refs.length === 0) {
    return 'it has neither branches nor tags'
  }
  return 'no usable composer.json was found in any branch or tag'
}

interface Reading {
  source: Source
  listed: GitRefs
  refs: ReadRef[]
  known: ReadonlyMap<string, KnownRef>
  identified: IdentifiedVersions
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
    const publication = await publishPackages(tx, {
      organization: source.organization,
      source: source.id,
      packages: identified.packages,
    })
    await writeRefs(tx, reading)
    await tx.record({
      type: 'source.synced',
      organization: source.organization,
      source: source.id,
      versions: publication.published + publication.updated,
      skipped: identified.skipped.size,
    })
    await enqueuePrebuilds(tx, source, publication)
    return publication
  })
}

/** Whether the remote has other refs, or other commits behind them, than the last sync saw. */
function hasMoved({ refs, known }: Reading): boolean {
  return new Set(refs.map(refKey)).size !== known.size || refs.some((ref) => known.get(refKey(ref))?.commit !== ref.commit)
}

/** Refs are written last: after a crash before the commit they are read again. */
async function writeRefs(tx: Tx, { source, refs, known, identified }: Reading): Promise<void> {
  const texts = new Map<string, string>()
  for (const { manifest } of refs) {
    if (manifest.state === 'read' && manifest.text !== null) {
      texts.set(manifest.sha256 ?? hashManifest(manifest.text), manifest.text)
    }
  }
  const ids = await storeManifests(tx.db, texts)
  const changed: KnownRef[] = []
  const present = new Set<string>()
  for (const ref of refs) {
    present.add(refKey(ref))
    const skip = identified.skipped.get(fullRefName(ref))
    const { manifest } = ref
    const next: KnownRef = {
      kind: ref.kind,
      name: ref.name,
      commit: ref.commit,
      objectType: ref.objectType,
      committedAt: ref.committedAt,
      authoredAt: ref.authoredAt,
      manifestState: manifest.state === 'unusable' ? 'unreadable' : manifest.state,
      manifest: manifest.state === 'read' ? (manifest.stored ?? ids.get(manifest.sha256 ?? '') ?? null) : null,
      manifestNote: manifest.state === 'unreadable' ? manifest.reason : null,
      skipCode: skip?.code ?? null,
      skipReason: skip?.reason ?? null,
    }
    if (!isSameRef(known.get(refKey(ref)), next)) {
      changed.push(next)
    }
  }
  await upsertRefs(tx.db, source.id, changed)
  await deleteRefs(
    tx.db,
    source.id,
    [...known.values()].filter((ref) => !present.has(refKey(ref))),
  )
}

function isSameRef(before: KnownRef | undefined, after: KnownRef): boolean {
  return before !== undefined && Object.entries(after).every(([field, value]) => before[field as keyof KnownRef] === value)
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
    await recordFailing(tx.db, source.id, error.code, error.message)
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
  for (const [ref, { reason }] of skipped) {
    if (lines === LOGGED_REFS) {
      report.log('warning', `${skipped.size - lines} more refs were skipped; the source lists them all.`)
      break
    }
    report.log('warning', `Skipped ${describeRef(ref)}, ${reason}`)
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
