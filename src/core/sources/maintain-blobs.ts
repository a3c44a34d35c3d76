import { areBlobsHeld } from '../instance/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { findPackageById, requestArchive, selectBuiltDists, selectReferencedBlobs, type Dist } from '../packages/index.ts'
import { findSource } from './sources.sql.ts'

const BATCH = 500

/**
 * A blob becomes garbage only after this long without a reference, in milliseconds: the blob of a build is stored before the
 * row that names it.
 */
const GRACE = 24 * 60 * 60 * 1000

/**
 * Removes blobs that no archive refers to and that were stored more than a day ago. Storing the same bytes again makes a blob young, and
 * its age is looked at once more when it is removed, so that an upload between check and removal is not lost. While a backup runs nothing
 * is removed: it may be about to read what a row named when it began.
 */
export async function collectBlobs(ctx: Ctx, report: JobReport): Promise<{ removed: number }> {
  await report.step('collect')
  let removed = 0
  let batch: string[] = []
  for await (const { sha256, storedAt } of ctx.blobs.list()) {
    if (storedAt + GRACE < ctx.now) {
      batch.push(sha256)
    }
    if (batch.length === BATCH) {
      removed += await removeUnreferenced(ctx, batch)
      batch = []
    }
  }
  removed += await removeUnreferenced(ctx, batch)
  report.log('info', `${removed} blobs removed.`)
  return { removed }
}

async function removeUnreferenced(ctx: Ctx, batch: readonly string[]): Promise<number> {
  const referenced = await selectReferencedBlobs(ctx.db, batch)
  const garbage = batch.filter((sha256) => !referenced.has(sha256))
  if (await areBlobsHeld(ctx.db, ctx.now)) {
    return 0
  }
  for (const sha256 of garbage) {
    await ctx.blobs.remove(sha256, ctx.now - GRACE)
  }
  return garbage.length
}

/**
 * Reads every archive's blob and compares it with its key. A damaged one is removed, which makes requests build it again, and
 * every damaged or missing one is reported and rebuilt at once. Uploads cannot be built again; theirs are reported only.
 */
export async function scrubBlobs(ctx: Ctx, report: JobReport): Promise<{ damaged: number; missing: number }> {
  await report.step('scrub')
  const found = { damaged: 0, missing: 0 }
  let after = 0
  for (;;) {
    const dists = await selectBuiltDists(ctx.db, after, BATCH)
    for (const dist of dists) {
      const state = await ctx.blobs.verify(dist.sha256)
      if (state !== 'intact') {
        found[state] += 1
        await repair(ctx, dist, state, report)
      }
      after = dist.id
    }
    if (dists.length < BATCH) {
      report.log('info', `${found.damaged} damaged and ${found.missing} missing archives.`)
      return found
    }
  }
}

async function repair(ctx: Ctx, dist: Dist & { sha256: string }, state: 'damaged' | 'missing', report: JobReport): Promise<void> {
  const owner = await findPackageById(ctx.db, dist.package)
  if (owner === null) {
    return
  }
  const kind = (await findSource(ctx.db, owner.source))?.kind
  const isBuilt = kind === 'vcs' || kind === 'custom' || kind === 'mirror'
  const remedy = isBuilt ? 'it is built or fetched again' : 'upload the same file again to bring it back'
  ctx.log.error(`The stored bytes of an archive are lost; ${remedy}.`, {
    package: owner.name,
    reference: dist.reference,
    state,
  })
  report.log('error', `${owner.name} ${dist.reference}: ${state}; ${remedy}.`)
  if (state === 'damaged') {
    await ctx.blobs.remove(dist.sha256)
  }
  await ctx.transaction((tx) =>
    tx.record({
      type: 'dist.lost',
      organization: owner.organization,
      package: owner.id,
      name: owner.name,
      reference: dist.reference,
    }),
  )
  if (isBuilt) {
    await requestArchive(ctx, { package: owner, reference: dist.reference })
  }
}
