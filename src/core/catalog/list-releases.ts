import type { VersionManifest } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { Instant } from '../kernel/values.ts'
import type { Audience } from './audience.ts'
import { selectNewPackages, selectReleases } from './releases.sql.ts'

/** Which packages a feed is about; null means any. */
export interface FeedScope {
  vendor: string | null
  name: string | null
  types: readonly string[] | null
}

/** A version that was released. */
export interface Release {
  name: string
  version: string
  description: string
  authors: string[]
  releasedAt: Instant
}

/** A package that was added. */
export interface NewPackage {
  name: string
  description: string
  addedAt: Instant
}

/** Entries of a feed (contract composer.md §7.8). */
const MAX_ENTRIES = 40

/** The last releases that the audience sees (CO-144), newest first; branches are none. */
export async function listReleases(ctx: Pick<Ctx, 'db'>, audience: Audience, scope: FeedScope): Promise<Release[]> {
  const { organization, visible } = audience
  const rows = await selectReleases(ctx.db, { organization: organization.id, visible, ...scope, limit: MAX_ENTRIES })
  return rows.map(({ manifest, time, publishedAt, ...row }) => {
    const { description, authors } = JSON.parse(manifest) as VersionManifest
    const names = (authors ?? []).map((author) => author['name']).filter((name) => typeof name === 'string')
    const released = time === null ? Number.NaN : Date.parse(time)
    return {
      ...row,
      description: description ?? row.description,
      authors: names,
      releasedAt: Number.isNaN(released) ? publishedAt : released,
    }
  })
}

/** The packages that were added last, as far as the audience sees them (CO-144), newest first. */
export async function listNewPackages(ctx: Pick<Ctx, 'db'>, audience: Audience, scope: FeedScope): Promise<NewPackage[]> {
  const { organization, visible } = audience
  const rows = await selectNewPackages(ctx.db, { organization: organization.id, visible, ...scope, limit: MAX_ENTRIES })
  return rows.map(({ name, description, createdAt }) => ({ name, description, addedAt: createdAt }))
}
