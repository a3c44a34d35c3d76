import { authorize } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { CredentialId, JobId, OrganizationId } from '../kernel/values.ts'
import { bumpPackagesOfSource } from '../packages/index.ts'
import {
  assignCredential,
  deleteCredential,
  lockForDelivery,
  sealCredential,
  storeCredential,
  type CredentialInput,
} from '../sources/index.ts'
import { toSeconds } from '../kernel/values.ts'
import { requireOther, requireUpstreamCredential, toChoices } from './add-mirror.ts'
import { bumpRoot } from './bump-root.ts'
import type { Mirror } from './mirror.ts'
import { parseMirrorUrl, type MirrorUrl } from './mirror-rules.ts'
import { findMirror, isUrlTaken, selectMirrors, updateMirror, writePositions, type MirrorChoices } from './mirrors.sql.ts'
import { enqueueRefresh } from './refresh-jobs.ts'

/** What is to be different about a mirror; what is left out stays. `credential` null removes it. */
export interface ChangeMirror extends Partial<MirrorChoices> {
  url?: string
  credential?: CredentialInput | null
}

/** The mirror as it is now, and the job that looks at the upstream again; none for one that is disabled. */
export interface ChangedMirror {
  mirror: Mirror
  job: JobId | null
}

/**
 * Changes a mirror. Its packages stay, also those that the new rules would not let in. A credential is pinned to an origin: for a URL of another
 * origin it has to be given anew, or removed (abuse case 31). Throws `invalid_url`, `invalid_input`, `credential_origin`, `mirror_exists`,
 * `mirror_not_found`.
 */
export async function changeMirror(ctx: Ctx, mirror: Mirror, change: ChangeMirror): Promise<ChangedMirror> {
  await authorize(ctx, 'mirror.change', mirror.organization)
  const { url: text, credential, ...choices } = change
  const before = parseMirrorUrl(ctx, mirror.url)
  const place = text === undefined ? before : parseMirrorUrl(ctx, text)
  await requireOther(ctx, mirror.organization, place)
  if (credential === undefined && mirror.credential !== null && place.origin !== before.origin) {
    throw new DomainError('credential_origin', { origin: before.origin })
  }
  const chosen = toChoices({ ...mirror, ...choices })
  const sealed =
    credential === undefined || credential === null ? null : sealCredential(ctx, requireUpstreamCredential(credential, place))
  return ctx.transaction(async (tx) => {
    if (!(await lockForDelivery(tx.db, mirror.id, null))) {
      throw new DomainError('mirror_not_found')
    }
    await writeChange(tx, mirror, { place, chosen })
    if (credential !== undefined) {
      const { organization } = mirror
      const stored = sealed === null ? null : await storeCredential(tx, { organization, origin: place.origin, sealed })
      await replaceCredential(tx, mirror, stored)
    }
    return finish(tx, mirror, Object.keys(change))
  })
}

async function writeChange(
  tx: Tx,
  mirror: Mirror,
  { place, chosen }: { place: MirrorUrl; chosen: MirrorChoices },
): Promise<void> {
  const { id, organization } = mirror
  const { url } = place
  if (await isUrlTaken(tx.db, organization, { url, except: id })) {
    throw new DomainError('mirror_exists', { url })
  }
  await updateMirror(tx.db, id, { ...chosen, url, isElsewhere: url !== mirror.url, nextRefreshAt: tx.now })
  if (chosen.keepsArchives !== mirror.keepsArchives) {
    // Metadata names other addresses of archives now.
    await bumpPackagesOfSource(tx.db, id, toSeconds(tx.now))
  }
}

async function replaceCredential(tx: Tx, mirror: Mirror, stored: CredentialId | null): Promise<void> {
  const current = await findMirror(tx.db, mirror.id)
  await assignCredential(tx.db, mirror.id, stored)
  if (current !== null && current.credential !== null) {
    await deleteCredential(tx.db, current.credential)
  }
}

async function finish(tx: Tx, { id, organization }: Mirror, fields: readonly string[]): Promise<ChangedMirror> {
  const mirror = await findMirror(tx.db, id)
  if (mirror === null) {
    throw new DomainError('mirror_not_found')
  }
  await bumpRoot(tx, organization)
  await tx.record({ type: 'mirror.changed', organization, source: id, name: mirror.name, fields })
  return { mirror, job: mirror.behavior === 'disabled' ? null : await enqueueRefresh(tx, mirror, 'interactive') }
}

/** Puts the mirrors of an organization into another order; `uids` names each once. Throws `invalid_input`. */
export async function orderMirrors(ctx: Ctx, organization: OrganizationId, uids: readonly string[]): Promise<Mirror[]> {
  await authorize(ctx, 'mirror.change', organization)
  return ctx.transaction(async (tx) => {
    const mirrors = new Map((await selectMirrors(tx.db, organization)).map((mirror) => [mirror.uid, mirror]))
    const ordered = uids.flatMap((uid) => mirrors.get(uid) ?? [])
    if (ordered.length !== mirrors.size || new Set(uids).size !== mirrors.size || uids.length !== mirrors.size) {
      throw invalidInput('mirrors', 'name each mirror of the organization once')
    }
    await writePositions(
      tx.db,
      ordered.map(({ id }) => id),
    )
    await tx.record({ type: 'mirrors.ordered', organization, names: ordered.map(({ name }) => name) })
    return selectMirrors(tx.db, organization)
  })
}
