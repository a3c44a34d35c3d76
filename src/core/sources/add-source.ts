import { authorize } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { parseGitUrl } from '../kernel/git-url.ts'
import type { JobId, OrganizationId, SourceId } from '../kernel/values.ts'
import { planNextSync } from './plan-next-sync.ts'
import { requireFittingCredential, sealCredential, storeCredential, type CredentialInput } from './credentials.ts'
import { insertSource, type Source } from './sources.sql.ts'

/** Tries of a sync that somebody asked for; the reconciler comes again later anyway. */
const SYNC_ATTEMPTS = 5

/** A git repository to be published from. */
export interface AddSource {
  organization: OrganizationId
  url: string
  credential: CredentialInput | null
}

/** A new source and the job that reads it for the first time. */
export interface AddedSource {
  source: Source
  job: JobId
}

/**
 * Adds a git repository and enqueues its first sync. The credential is encrypted and pinned to the URL's origin. Throws
 * `invalid_url` with the rule that refuses the URL, `invalid_input`, `source_exists`.
 */
export async function addSource(ctx: Ctx, input: AddSource): Promise<AddedSource> {
  authorize(ctx.actor, 'source.add', input.organization)
  const url = parseGitUrl(input.url, ctx.sourceUrls)
  if (input.credential !== null) {
    requireFittingCredential(input.credential, url.scheme)
  }
  const sealed = input.credential === null ? null : sealCredential(ctx, input.credential)
  const uid = ctx.newId()
  return ctx.transaction(async (tx) => {
    const credential =
      sealed === null ? null : await storeCredential(tx, { organization: input.organization, origin: url.origin, sealed })
    const source = await insertSource(tx.db, {
      uid,
      organization: input.organization,
      url: url.canonical,
      credential,
      createdAt: tx.now,
      nextSyncAt: planNextSync({ syncInterval: null, hookSeenAt: null, overdueSyncs: 0, uid }, tx.now),
    })
    if (source === null) {
      throw new DomainError('source_exists')
    }
    await tx.record({ type: 'source.added', organization: input.organization, source: source.id, url: url.canonical })
    return { source, job: await enqueueSync(tx, source, 'interactive') }
  })
}

/** Enqueues a sync of a source; one that waits already is enough. */
export async function enqueueSync(
  tx: Tx,
  source: { id: SourceId; organization: OrganizationId },
  lane: 'interactive' | 'background',
): Promise<JobId> {
  return tx.enqueue({
    kind: 'source.sync',
    payload: { source: source.id },
    organization: source.organization,
    dedupeKey: `source.sync:${source.id}`,
    lane,
    maxAttempts: SYNC_ATTEMPTS,
  })
}
