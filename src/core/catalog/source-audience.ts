import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Db } from '../kernel/schema.ts'
import type { SourceId } from '../kernel/values.ts'
import { narrower } from '../kernel/visibility.ts'
import { findOrganization, findOrganizationByPath, organizationPath, type Organization } from '../organizations/index.ts'
import { findDist, selectNamesBySource } from '../packages/index.ts'
import { allowsJobsOf, findSource, findSourceByPath, visibleSources, type Source } from '../sources/index.ts'
import { belongsTo, findOpenAudience, isNobody, openTo, requireUse, toAudience, type Audience } from './audience.ts'
import { actorWithin } from './family.ts'
import { getVisiblePackage } from './find-package.ts'
import { obtainDist, type ObtainedDist } from './obtain-dist.ts'
import type { UnknownReferences } from './unknown-references.ts'

/** A source as an actor sees it. */
export interface SourceAudience {
  source: Source
  organization: Organization
  /** What of its organization is seen; of the source every package that is. */
  audience: Audience
  /** The actor as it acts there. */
  actor: Actor
  /** The actor belongs to the organization and sees the source by that. */
  isMember: boolean
}

/**
 * A source by its id or full path (in lower case) as an actor sees it. `use` is what for: archives may be open to everybody although nothing else is
 * (contract gitlab.md §1.7). Throws `scope_missing`, whatever is asked for; `unauthenticated` for nobody and `source_not_found` for others where
 * nothing may be seen. The job of another source is a stranger unless it is allowed.
 */
export async function getSourceAudience(
  ctx: Pick<Ctx, 'actor' | 'db'>,
  key: SourceId | string,
  use: 'source' | 'archives',
): Promise<SourceAudience> {
  requireUse(ctx.actor)
  const { db } = ctx
  const source = await findByKey(db, key)
  const organization = source === null ? null : await findOrganization(db, source.organization)
  const seen = source === null || organization === null ? null : await look(db, { actor: ctx.actor, source, organization, use })
  if (seen === null) {
    throw new DomainError(isNobody(ctx.actor) ? 'unauthenticated' : 'source_not_found')
  }
  return seen
}

/** The full path of a source: that of its organization and its own. */
export async function sourcePath(
  db: Db,
  { organization, source }: Pick<SourceAudience, 'organization' | 'source'>,
): Promise<string> {
  return `${await organizationPath(db, organization)}/${source.path ?? source.id}`
}

async function findByKey(db: Db, key: SourceId | string): Promise<Source | null> {
  if (typeof key === 'number') {
    return findSource(db, key)
  }
  const end = key.lastIndexOf('/')
  const organization = end < 0 ? null : await findOrganizationByPath(db, key.slice(0, end))
  return organization === null ? null : findSourceByPath(db, organization.id, key.slice(end + 1))
}

interface Looking {
  actor: Actor
  source: Source
  organization: Organization
  use: 'source' | 'archives'
}

async function look(db: Db, { actor: asked, source, organization, use }: Looking): Promise<SourceAudience | null> {
  const isForeignJob = asked.kind === 'token' && asked.job !== undefined && !(await allowsJobsOf(db, source.id, asked.job))
  const within = actorWithin(asked, organization)
  const actor = isForeignJob && within.kind === 'token' ? { ...within, scopes: [] } : within
  const seen = { source, organization, actor }
  if (!isForeignJob && (await isMemberOf(db, { actor, source, organization }))) {
    return { ...seen, audience: await toAudience({ db, actor }, organization), isMember: true }
  }
  if (openTo(actor).includes(narrower(organization.visibility, source.visibility))) {
    return { ...seen, audience: await findOpenAudience({ db, actor }, organization), isMember: false }
  }
  if (use === 'archives' && source.archiveAccess === 'everyone') {
    return { ...seen, audience: await archivesOf(db, source, organization), isMember: false }
  }
  return null
}

async function isMemberOf(db: Db, { actor, source, organization }: Omit<Looking, 'use'>): Promise<boolean> {
  if (!(await belongsTo({ db, actor }, organization))) {
    return false
  }
  const isOwn = actor.kind === 'token' && actor.source === source.id
  return isOwn || (await visibleSources({ db, actor }, organization.id))(source.id)
}

async function archivesOf(db: Db, source: Source, organization: Organization): Promise<Audience> {
  const rows = await selectNamesBySource(db, organization.id)
  const names = new Set(rows.filter((row) => row.source === source.id).map(({ name }) => name))
  const visible = { globs: null, teams: null, sources: { only: source.id, names } }
  return { organization, visible, view: `archives:${source.id}`, origins: 'open' }
}

/**
 * The archive of a package of a source by a reference in full that was published, now or earlier, and of nothing else (contract gitlab.md §2.9). Throws
 * `dist_not_found` also for a package of another source, and as `obtainDist`.
 */
export async function obtainPublishedDist(
  ctx: Ctx,
  { source, audience }: SourceAudience,
  input: { name: string; reference: string; unknown: UnknownReferences },
): Promise<ObtainedDist> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  if (target.source !== source.id || (await findDist(ctx.db, target.id, input.reference)) === null) {
    throw new DomainError('dist_not_found')
  }
  return obtainDist(ctx, audience, input)
}
