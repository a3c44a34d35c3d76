import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { parseSourceUrl, type SourceUrl } from '../kernel/source-url.ts'
import type { Instant, JobId } from '../kernel/values.ts'
import { pinnedOrigin } from './add-custom-source.ts'
import { enqueueSync, requireUsableCredential } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { assignCredential, deleteCredential, findCredentialRow } from './credentials.sql.ts'
import { sealCredential, storeCredential, type CredentialInput } from './credentials.ts'
import { findDefinition } from './custom-sources.sql.ts'
import { readDefinition } from './read-definition.ts'
import { lockForDelivery } from './reconcile.sql.ts'
import { findSource, type Source } from './sources.sql.ts'

/** The credential that a source gets, or null for none; `expiresAt` when it ends, if somebody knows. */
export interface SetCredential {
  credential: CredentialInput | null
  expiresAt: Instant | null
}

/**
 * Replaces the credential of a source and enqueues a sync that uses the new one. It is pinned to the same origin as before; the old secret is
 * gone afterwards. A sync that runs already ends with the old one. Throws `invalid_input` for one that cannot be presented there, and for uploads;
 * `source_not_found`.
 */
export async function setCredential(ctx: Ctx, source: Source, input: SetCredential): Promise<JobId> {
  const { id, organization } = source
  await authorizeSource(ctx, 'source.configure', source)
  if (source.kind === 'artifact') {
    throw invalidInput('source', 'an uploaded package has no host')
  }
  const { credential, expiresAt } = input
  const place = await findPlace(ctx, source)
  requireUsableCredential(ctx, input, place)
  const sealed = credential === null ? null : sealCredential(ctx, credential)
  return ctx.transaction(async (tx) => {
    // The lock makes of two that come at once the later one win, without leaving the other's secret behind.
    const current = (await lockForDelivery(tx.db, id, null)) ? await findSource(tx.db, id) : null
    if (current === null) {
      throw new DomainError('source_not_found')
    }
    const added = sealed === null ? null : await storeCredential(tx, { organization, origin: place.origin, sealed, expiresAt })
    await assignCredential(tx.db, id, added)
    if (current.credential !== null) {
      await deleteCredential(tx.db, current.credential)
    }
    await tx.record({ type: 'source.credential-changed', organization, source: id, credential: credential?.kind ?? 'none' })
    return enqueueSync(tx, source, 'interactive')
  })
}

/** Where a credential of the source belongs. */
async function findPlace(ctx: Ctx, source: Source): Promise<Pick<SourceUrl, 'origin' | 'scheme' | 'vcs'>> {
  if (source.kind === 'vcs') {
    return parseSourceUrl(source.url, source.vcs, ctx.sourceUrls)
  }
  const known = source.credential === null ? null : await findCredentialRow(ctx.db, source.credential)
  const origin = known?.origin ?? pinnedOrigin(readDefinition(ctx, (await findDefinition(ctx.db, source.id)) ?? '[]'))
  return { origin, scheme: origin.startsWith('https:') ? 'https' : 'http', vcs: source.vcs }
}
