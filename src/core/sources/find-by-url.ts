import { authorize } from '../access/index.ts'
import { findJob, type Job } from '../jobs/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobId, OrganizationId } from '../kernel/values.ts'
import { findPackage } from '../packages/index.ts'
import { visibleSources } from './source-visibility.ts'
import { findSource, selectSourcesContaining, type Source } from './sources.sql.ts'

const MAX_CANDIDATES = 1_000
const MAX_URL = 2_000

/** What two addresses of one repository have in common: host and path in lower case (contract composer.md §7.9); null for what is no address. */
function comparableUrl(text: string): string | null {
  if (text.length > MAX_URL) {
    return null
  }
  const plain = text.trim().replace(/^(?:git|svn|hg)\+/i, '')
  const [, host = '', path = ''] =
    /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([^/:]+)(?::\d+)?\/(.+)$/i.exec(plain) ??
    /^(?:[^@:/]+@)?([^@:/]+):(?!\/\/)(.+)$/.exec(plain) ??
    []
  const bare = path.replace(/^\/+|\/+$/g, '').replace(/\.git$/i, '')
  return host === '' || bare === '' ? null : `${host}/${bare}`.toLowerCase()
}

/**
 * The repositories of an organization that an address names, in whatever spelling, as far as the actor may know of them. Whether it may ask for a
 * sync of each is asked with the request.
 */
export async function findSourcesByUrl(
  ctx: Ctx,
  { organization, url }: { organization: OrganizationId; url: string },
): Promise<Source[]> {
  await authorizeSomeSync(ctx, organization)
  const wanted = comparableUrl(url)
  if (wanted === null) {
    return []
  }
  const part = wanted.slice(wanted.indexOf('/') + 1)
  const candidates = await selectSourcesContaining(ctx.db, organization, { part, limit: MAX_CANDIDATES })
  const isVisible = await visibleSources(ctx, organization)
  return candidates.filter((source) => comparableUrl(source.url) === wanted && isVisible(source.id))
}

/** The source of a package (its name in lower case), as `findSourcesByUrl`. */
export async function findSourcesOfPackage(
  ctx: Ctx,
  { organization, name }: { organization: OrganizationId; name: string },
): Promise<Source[]> {
  await authorizeSomeSync(ctx, organization)
  const target = await findPackage(ctx.db, organization, name)
  const source = target === null ? null : await findSource(ctx.db, target.source)
  const isVisible = await visibleSources(ctx, organization)
  return source !== null && isVisible(source.id) ? [source] : []
}

/** Members may have the right for some sources by their teams. */
async function authorizeSomeSync(ctx: Ctx, organization: OrganizationId): Promise<void> {
  try {
    await authorize(ctx, 'source.sync', organization)
  } catch (error) {
    if (!isDomainError(error, 'forbidden')) {
      throw error
    }
  }
}

/** The sync of an organization's source that is this job, for whoever may ask for syncs (CO-147). Throws `job_not_found`. */
export async function getSyncJob(ctx: Ctx, { organization, job }: { organization: OrganizationId; job: JobId }): Promise<Job> {
  await authorize(ctx, 'source.sync', organization)
  const found = await findJob(ctx.db, job)
  if (found === null || found.organization !== organization || found.kind !== 'source.sync') {
    throw new DomainError('job_not_found')
  }
  return found
}
