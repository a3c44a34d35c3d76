/**
 * Archives of mirrored packages are fetched through the guard when somebody first asks for them, streamed to storage while they are hashed, and
 * looked at before they are kept: the length that was announced, the SHA-1 that the upstream gave, and that it is an archive of that kind which
 * stays in its directory. The first bytes of a reference stay for ever; what an upstream sends later under the same address is compared
 * and reported, never used. A credential goes to the origin of the mirror alone.
 */
import type { Ctx } from '../../kernel/ctx.ts'
import { DomainError } from '../../kernel/errors.ts'
import type { HttpAnswer } from '../../kernel/ports.ts'
import { findDist, hasReleaseAt, type Dist } from '../../packages/index.ts'
import { findUpstream, receiveUpload, type ReceivedUpload, type StoredArchive, type Upstream } from '../../sources/index.ts'
import { askUpstream, type UpstreamHost, type UpstreamRequest } from '../upstream/index.ts'
import { noteMissing, noteWrong, requireNoKnownProblem, type ArchiveKey } from './archive-problems.ts'
import { isChecksumShown, toDownloadUrl } from './download-address.ts'
import { findUpstreamHost } from './upstream-host.sql.ts'

/** So that it is the limit on archives that is reported, not the one on what is received. */
const SLACK = 1_048_576

/**
 * Fetches, checks and stores the archive of a mirrored package, or returns null when it is there already; the caller records it. `missing` is its
 * row, if somebody has just looked at it and at the storage, which does not have it. Throws
 * `dist_not_found` for a reference without an archive, here or upstream, `upstream_failed` and `upstream_paused`, also for bytes that are not
 * what they have to be, and `storage_unavailable`.
 */
export async function storeMirroredArchive(
  ctx: Ctx,
  key: ArchiveKey,
  missing: Dist | null = null,
): Promise<StoredArchive | null> {
  const { target, reference } = key
  const known = missing ?? (await findDist(ctx.db, target.id, reference))
  const upstream = known === null ? null : await findUpstream(ctx.db, target.id, reference)
  const mirror = upstream === null ? null : await findUpstreamHost(ctx.db, target.source)
  if (known === null || upstream === null || mirror === null) {
    throw new DomainError('dist_not_found')
  }
  if (missing === null && (await isStored(ctx, known))) {
    return null
  }
  await requireNoKnownProblem(ctx, key)
  const { staged, format } = await askUpstream(ctx, mirror, {
    request: toRequest(ctx, mirror, upstream),
    read: (answer) => receive(ctx, key, { answer, upstream, known }),
  })
  try {
    const isSame = format === known.format && !(await isChecksumNews(ctx, key, upstream))
    await staged.keep()
    const { sha256, sha1, size } = staged
    return { reference, blob: { sha256, sha1, size }, isRepair: known.sha256 !== null || isSame, format }
  } finally {
    await staged.discard()
  }
}

/** Whether the bytes of an archive are there. */
export async function isStored(ctx: Ctx, { sha256 }: Pick<Dist, 'sha256'>): Promise<boolean> {
  return sha256 !== null && (await ctx.blobs.locate(sha256)) !== null
}

function toRequest(ctx: Ctx, mirror: UpstreamHost, { url }: Upstream): UpstreamRequest {
  const credentialOrigin = mirror.credential === null ? null : new URL(mirror.url).origin
  return {
    url: toDownloadUrl(url, credentialOrigin),
    maxBytes: ctx.limits.archiveBytes + SLACK,
    duration: ctx.limits.sourceDuration,
  }
}

async function receive(
  ctx: Ctx,
  key: ArchiveKey,
  { answer, upstream, known }: { answer: HttpAnswer; upstream: Upstream; known: Dist },
): Promise<ReceivedUpload> {
  await requireArchive(ctx, key, answer)
  const announced = isChecksumShown(upstream.url) ? upstream.shasum : null
  try {
    // What was recorded once outlasts whatever the upstream announces now.
    const sha1 = known.sha1 ?? announced
    const received = await receiveUpload(ctx, { content: answer.body, sha256: null, sha1, rules: 'integrity' })
    const problem = findMismatch(received, { upstream, known })
    if (problem !== null) {
      await received.staged.discard()
      throw problem
    }
    return received
  } catch (error) {
    throw await noteWrong(ctx, key, error)
  }
}

/** Anything that is neither an archive nor a plain "no" is a failure of the host. */
async function requireArchive(ctx: Ctx, key: ArchiveKey, { status, url, body }: HttpAnswer): Promise<void> {
  if (status === 200) {
    return
  }
  await body.return()
  const { hostname } = new URL(url)
  if (status === 404 || status === 410) {
    throw await noteMissing(ctx, key, { hostname, status })
  }
  throw new DomainError('upstream_failed', { problem: `${hostname} answered ${status}`, status })
}

function findMismatch(
  { staged, format }: ReceivedUpload,
  { upstream, known }: { upstream: Upstream; known: Dist },
): DomainError | null {
  if (known.sha256 !== null && staged.sha256 !== known.sha256) {
    return new DomainError('archive_differs', { found: staged.sha1, expected: known.sha1 ?? '' })
  }
  if ((format === 'zip') === (upstream.type === 'zip')) {
    return null
  }
  return new DomainError('archive_refused', { rule: 'format', problem: `it is a ${format}, not a ${upstream.type}` })
}

/** Whether metadata will show a checksum that it does not show yet: clients that have the document would have to fetch it again. */
async function isChecksumNews(ctx: Ctx, { target, reference }: ArchiveKey, { url, shasum }: Upstream): Promise<boolean> {
  return shasum === null && isChecksumShown(url) && (await hasReleaseAt(ctx.db, target.id, reference))
}
