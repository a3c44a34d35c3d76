/**
 * Archives of custom packages come from hosts that the registry does not know. They are fetched through the guard for outgoing connections,
 * looked at as uploads are, and kept as they are. The first bytes that were recorded for a reference stay: what arrives later and
 * differs is reported and not used. Neither the place nor the credential is ever shown to clients.
 */
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { HttpAnswer } from '../kernel/ports.ts'
import { limitedFailure, readRetryAfter } from '../kernel/retry-after.ts'
import { findDist, type Package } from '../packages/index.ts'
import type { StoredArchive } from './record-archives.ts'
import { askHost } from './ask-host.ts'
import { findUpstream, type Upstream } from './custom-sources.sql.ts'
import { toAuthorization } from './http-authorization.ts'
import { receiveUpload } from './receive-upload.ts'
import type { Source } from './sources.sql.ts'

const REDIRECTS = 5
/** So that it is the limit on archives that is reported, not the one on what is received. */
const SLACK = 1_048_576

/**
 * Fetches, checks and stores the archive of a custom package, or returns null when it is there already; the caller records it. Throws
 * `dist_not_found` for a reference that no definition gave an archive, `archive_differs` for other bytes than the definition's checksum
 * says, `archive_refused`, `archive_too_large`, `storage_unavailable`, and what `Http` throws.
 */
export async function storeCustomArchive(
  ctx: Ctx,
  { source, target, reference }: { source: Source; target: Package; reference: string },
): Promise<StoredArchive | null> {
  const known = await findDist(ctx.db, target.id, reference)
  const upstream = known === null ? null : await findUpstream(ctx.db, target.id, reference)
  if (known === null || upstream === null) {
    throw new DomainError('dist_not_found')
  }
  if (known.sha256 !== null && (await ctx.blobs.locate(known.sha256)) !== null) {
    return null
  }
  const content = await request(ctx, source, upstream)
  const { staged, format } = await receiveUpload(ctx, { content, sha256: null, sha1: upstream.shasum, manifest: 'optional' })
  try {
    if ((format === 'zip') !== (upstream.type === 'zip')) {
      throw new DomainError('archive_refused', { rule: 'format', problem: `it is a ${format}, not a ${upstream.type}` })
    }
    await staged.keep()
    const { sha256, sha1, size } = staged
    return { reference, blob: { sha256, sha1, size }, isRepair: known.sha256 !== null, format }
  } finally {
    await staged.discard()
  }
}

async function request(ctx: Ctx, source: Source, { url }: Upstream): Promise<HttpAnswer['body']> {
  const { limits } = ctx
  const answer = await askHost(ctx, { source, origin: new URL(url).origin }, async (credential) => {
    const answered = await ctx.http.fetch({
      url,
      credential: toAuthorization(ctx.secrets, credential),
      redirects: REDIRECTS,
      maxBytes: limits.archiveBytes + SLACK,
      stall: limits.sourceStall,
      duration: limits.sourceDuration,
    })
    const wait = readRetryAfter(answered, ctx.clock.now())
    if (wait !== null) {
      await answered.body.return()
      throw limitedFailure(wait, ctx.clock.now())
    }
    return answered
  })
  if (answer.status === 200) {
    return answer.body
  }
  await answer.body.return()
  const { hostname } = new URL(answer.url)
  const isRefusal = answer.status === 401 || answer.status === 403
  throw new DomainError(isRefusal ? 'source_refused' : 'source_unreachable', {
    problem: `${hostname} answered ${answer.status}`,
  })
}
