import type { Ctx } from '../kernel/ctx.ts'
import type { JobId } from '../kernel/values.ts'
import { findDistByPrefix, type Package } from './package-reading.sql.ts'

/** A commit id, in full or abbreviated as git does. */
const COMMIT_ID = /^[0-9a-f]{7,64}$/

/** Tries of a build that a client waits for; a client tries again by itself. */
const BUILD_ATTEMPTS = 2

/**
 * Asks for the archive of a package at a reference, whoever else asks for the same. Returns the job that builds it, or null when
 * no archive can exist: the reference is neither known nor a commit id. Whether an unpublished commit exists is
 * found out by the job, because only workers have the mirror. Whoever calls has decided that the actor may see the package.
 */
export async function requestArchive(ctx: Ctx, input: { package: Package; reference: string }): Promise<JobId | null> {
  const known = await findDistByPrefix(ctx.db, input.package.id, input.reference)
  const reference = known?.reference ?? input.reference
  if (known === null && !COMMIT_ID.test(reference)) {
    return null
  }
  const { id, organization, name } = input.package
  return ctx.transaction(async (tx) => {
    await tx.record({ type: 'dist.requested', organization, package: id, name, reference })
    return tx.enqueue({
      kind: 'archive.build',
      payload: { package: id, reference },
      organization,
      dedupeKey: `archive.build:${id}:${reference}`,
      lane: 'interactive',
      maxAttempts: BUILD_ATTEMPTS,
    })
  })
}
