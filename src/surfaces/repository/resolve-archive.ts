import type { ArchiveFormat } from '../../composer/index.ts'
import {
  findVersionArchive,
  getVisiblePackage,
  obtainDist,
  type Audience,
  type ObtainedDist,
  type UnknownReferences,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { BlobLocation } from '../../core/kernel/ports.ts'
import { findDistByPrefix, findVersionOfReference } from '../../core/packages/index.ts'
import type { Answer } from './answer.ts'

/** Archives up to this size are kept in memory with their answer; larger ones are sent from the file. */
const SMALL_ARCHIVE = 64 * 1024

const ARCHIVE_TYPES: Readonly<Record<ArchiveFormat, string>> = {
  zip: 'application/zip',
  tar: 'application/x-tar',
  'tar.gz': 'application/gzip',
  'tar.bz2': 'application/x-bzip2',
}

/** A commit has the same bytes for ever. */
const BY_REFERENCE = 'private, max-age=31536000, immutable'
/** What a version is may move (contract pricore.md §5.3). */
const BY_RELEASE = 'private, max-age=3600'
const BY_BRANCH = 'private, no-cache'

/** An archive by its reference, wherever it is published. */
export async function resolveDist(
  ctx: Ctx,
  audience: Audience,
  input: { name: string; version: string | null; reference: string; unknown: UnknownReferences },
): Promise<Answer> {
  return toArchiveAnswer(ctx, await obtainDist(ctx, audience, input), { version: input.version, cacheControl: BY_REFERENCE })
}

/**
 * The present archive of a version, or with `reference` the one that it, or any other, had at that known commit (PR-203). The reference alone
 * counts then, so that a lock file outlives its branch. Throws `package_not_found` and `dist_not_found`.
 */
export async function resolveVersion(
  ctx: Ctx,
  audience: Audience,
  input: { name: string; version: string; reference: string | null; unknown: UnknownReferences },
): Promise<Answer> {
  const target = await getVisiblePackage(ctx, audience, input.name)
  const present = await findVersionArchive(ctx.db, target.id, input.version)
  const asked = input.reference === null ? null : await findDistByPrefix(ctx.db, target.id, input.reference)
  const reference = input.reference === null ? present?.reference : asked?.reference
  if (reference === undefined) {
    throw new DomainError('dist_not_found')
  }
  const isDevelopment = present?.isDevelopment ?? /^dev-|-dev$/.test(input.version)
  const dist = await obtainDist(ctx, audience, { name: input.name, reference, unknown: input.unknown })
  return toArchiveAnswer(ctx, dist, { version: input.version, cacheControl: isDevelopment ? BY_BRANCH : BY_RELEASE })
}

/** The answer that an archive is. */
export async function toArchiveAnswer(
  ctx: Ctx,
  dist: ObtainedDist,
  { version, cacheControl }: { version: string | null; cacheControl: string },
): Promise<Answer> {
  const counted = await findVersionOfReference(ctx.db, dist.package.id, { reference: dist.reference, version })
  const { location } = dist
  const etag = `"${dist.reference}"`
  const contentType = ARCHIVE_TYPES[dist.format]
  // Without a name of ours the runtime, or an object store, would tell the name of the file in the storage.
  const contentDisposition = `attachment; filename="${dist.package.name.replace('/', '-')}-${dist.reference.slice(0, 12)}.${dist.format}"`
  const headers = {
    'Content-Type': contentType,
    'Cache-Control': cacheControl,
    ETag: etag,
    Vary: 'Authorization',
    'Accept-Ranges': 'bytes',
    'Content-Disposition': contentDisposition,
    'X-Content-Type-Options': 'nosniff',
  }
  return {
    status: 200,
    headers,
    // The store has a validator of its own, and a link is not what the client has a copy of.
    etag: location.kind === 'url' ? null : etag,
    lastModified: null,
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    download: { package: dist.package.id, version: counted ?? dist.reference },
    body: await toAnswerBody(location),
    ...(location.kind === 'url' ? { redirect: location.link({ contentType, contentDisposition }) } : {}),
  }
}

async function toAnswerBody(location: BlobLocation): Promise<Answer['body']> {
  if (location.kind === 'bytes') {
    return location.bytes
  }
  if (location.kind === 'url' || location.size > SMALL_ARCHIVE) {
    return location
  }
  return location.kind === 'remote' ? location.read(0, location.size) : Bun.file(location.path).bytes()
}
