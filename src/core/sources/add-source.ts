import type { RefRules } from '../../composer/index.ts'
import { authorize, giveSourceToOwnTeams } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { NewJob } from '../kernel/jobs.ts'
import { parseSourceUrl, type VcsSystem } from '../kernel/source-url.ts'
import type { Instant, JobId, OrganizationId, SourceId } from '../kernel/values.ts'
import { planNextSync } from './plan-next-sync.ts'
import {
  requireFittingCredential,
  requireFutureExpiry,
  sealCredential,
  storeCredential,
  type CredentialInput,
} from './credentials.ts'
import { formatManifestGlobs } from './manifest-globs.ts'
import { requireSinglePackage } from './ref-rules.ts'
import { givePath } from './source-path.sql.ts'
import { insertSource, type Source } from './sources.sql.ts'

/** Tries of a sync that somebody asked for; the reconciler comes again later anyway. */
const SYNC_ATTEMPTS = 5

/** A repository to be published from. Without `vcs` its URL says which system it is in. */
export interface AddSource {
  organization: OrganizationId
  url: string
  vcs?: VcsSystem | null
  credential: CredentialInput | null
  /** When the credential ends, if somebody knows. */
  credentialExpiresAt?: Instant | null
  /** Where the manifests of its packages are, see `setManifests`; the one composer.json at the top if left out. */
  manifests?: readonly string[] | null
  /** How refs become versions, see `setRefRules`; by Composer's rules if left out. */
  refRules?: RefRules
}

/** A new source and the job that reads it for the first time. */
export interface AddedSource {
  source: Source
  job: JobId
}

/**
 * Adds a repository and enqueues its first sync. The credential is encrypted and pinned to the URL's origin. Throws
 * `invalid_url` with the rule that refuses the URL, `invalid_input`, `source_exists`.
 */
export async function addSource(ctx: Ctx, input: AddSource): Promise<AddedSource> {
  await authorize(ctx, 'source.add', input.organization)
  const url = parseSourceUrl(input.url, input.vcs ?? null, ctx.sourceUrls)
  const expiresAt = input.credentialExpiresAt ?? null
  requireUsableCredential(ctx, { ...input, expiresAt }, url)
  const sealed = input.credential === null ? null : sealCredential(ctx, input.credential)
  const manifestGlobs = (input.manifests ?? null) === null ? null : formatManifestGlobs(input.manifests ?? [])
  const refRules = input.refRules ?? 'composer'
  requireSinglePackage(refRules, manifestGlobs)
  const uid = ctx.newId()
  return ctx.transaction(async (tx) => {
    const credential =
      sealed === null
        ? null
        : await storeCredential(tx, { organization: input.organization, origin: url.origin, sealed, expiresAt })
    const source = await insertSource(tx.db, {
      uid,
      organization: input.organization,
      kind: 'vcs',
      state: 'new',
      vcs: url.vcs,
      url: url.canonical,
      credential,
      manifestGlobs,
      refRules,
      createdAt: tx.now,
      nextSyncAt: planNextSync({ syncInterval: null, hookSeenAt: null, overdueSyncs: 0, uid }, tx.now),
    })
    if (source === null) {
      throw new DomainError('source_exists')
    }
    const path = await givePath(tx.db, source)
    await giveSourceToOwnTeams(tx, { organization: input.organization, source: source.id })
    await tx.record({ type: 'source.added', organization: input.organization, source: source.id, url: url.canonical })
    return { source: { ...source, path }, job: await enqueueSync(tx, source, 'interactive') }
  })
}

/** Refuses what cannot be presented to such a URL, and an end that is past or without credential. Throws `invalid_input`. */
export function requireUsableCredential(
  ctx: Ctx,
  { credential, expiresAt }: { credential: CredentialInput | null; expiresAt: Instant | null },
  url: { scheme: string; vcs: VcsSystem },
): void {
  requireFutureExpiry(ctx, expiresAt)
  if (credential === null) {
    if (expiresAt !== null) {
      throw invalidInput('expires', 'there is no credential that could end')
    }
    return
  }
  requireFittingCredential(credential, url.scheme)
  if (url.vcs !== 'git' && credential.kind === 'bearer') {
    throw invalidInput('credential', `${url.vcs} takes a user name and a password, not a token alone`)
  }
}

/** Enqueues a sync of a source; one that waits already is enough. */
export async function enqueueSync(
  tx: Tx,
  source: { id: SourceId; organization: OrganizationId },
  lane: 'interactive' | 'background',
): Promise<JobId> {
  return tx.enqueue(toSyncJob(source, { lane, runAt: tx.now }))
}

/** Enqueues a sync for later. Whoever asks for one before gets it at once. */
export async function enqueueLaterSync(
  tx: Tx,
  source: { id: SourceId; organization: OrganizationId },
  runAt: Instant,
): Promise<JobId> {
  return tx.enqueue(toSyncJob(source, { lane: 'background', runAt }))
}

function toSyncJob(
  source: { id: SourceId; organization: OrganizationId },
  when: Pick<NewJob, 'lane'> & { runAt: Instant },
): NewJob {
  return {
    kind: 'source.sync',
    payload: { source: source.id },
    organization: source.organization,
    dedupeKey: `source.sync:${source.id}`,
    maxAttempts: SYNC_ATTEMPTS,
    ...when,
  }
}
