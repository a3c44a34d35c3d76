import { authorize, parsePackageGlobs } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId, OrganizationId } from '../kernel/values.ts'
import { findOrganization, organizationPath } from '../organizations/index.ts'
import { requireFittingCredential, sealCredential, storeCredential, type CredentialInput } from '../sources/index.ts'
import { bumpRoot } from './bump-root.ts'
import type { Mirror } from './mirror.ts'
import { parseMirrorUrl, requireChoices, USUAL_CHOICES, type MirrorUrl } from './mirror-rules.ts'
import { findMirror, insertMirror, selectMirrors, type MirrorChoices } from './mirrors.sql.ts'
import { enqueueRefresh } from './refresh-jobs.ts'

const MOST_MIRRORS = 100

/** An upstream to be mirrored. What is left out is `USUAL_CHOICES`; the name is the host. */
export interface AddMirror extends Partial<MirrorChoices> {
  organization: OrganizationId
  /** The directory of the repository, or its root file. */
  url: string
  /** None if left out. */
  credential?: CredentialInput | null
}

/** A new mirror and the job that reads its root file. */
export interface AddedMirror {
  mirror: Mirror
  job: JobId
}

/**
 * Adds a mirror, which is asked after all others. Its credential is encrypted and pinned to the origin of the URL. Throws `invalid_url`,
 * `invalid_input`, `mirror_exists`, `limit_reached`.
 */
export async function addMirror(ctx: Ctx, input: AddMirror): Promise<AddedMirror> {
  const { organization, url: text, credential = null, ...choices } = input
  await authorize(ctx, 'mirror.add', organization)
  const place = parseMirrorUrl(ctx, text)
  await requireOther(ctx, organization, place)
  const chosen = toChoices({ ...USUAL_CHOICES, name: new URL(place.url).host, ...choices })
  const sealed = credential === null ? null : sealCredential(ctx, requireUpstreamCredential(credential, place))
  const uid = ctx.newId()
  return ctx.transaction(async (tx) => {
    if ((await selectMirrors(tx.db, organization)).length >= MOST_MIRRORS) {
      throw new DomainError('limit_reached', { limit: MOST_MIRRORS, things: 'mirrors' })
    }
    const stored = sealed === null ? null : await storeCredential(tx, { organization, origin: place.origin, sealed })
    const { url } = place
    const id = await insertMirror(tx.db, { ...chosen, uid, organization, url, credential: stored, createdAt: tx.now })
    const mirror = id === null ? null : await findMirror(tx.db, id)
    if (mirror === null) {
      throw new DomainError('mirror_exists', { url })
    }
    await bumpRoot(tx, organization)
    await tx.record({ type: 'mirror.added', organization, source: mirror.id, name: mirror.name, url })
    return { mirror, job: await enqueueRefresh(tx, mirror, 'interactive') }
  })
}

/** Refuses the repository of the organization itself, which would ask itself for what it does not have. Throws `invalid_url`. */
export async function requireOther(ctx: Ctx, organization: OrganizationId, { url }: MirrorUrl): Promise<void> {
  const own = await findOrganization(ctx.db, organization)
  const path = own === null ? null : await organizationPath(ctx.db, own)
  if (ctx.publicUrl !== null && path !== null && [`${ctx.publicUrl}/${path}`, `${ctx.publicUrl}/org/${path}`].includes(url)) {
    throw new DomainError('invalid_url', { rule: 'path', problem: 'it is the repository of this organization itself' })
  }
}

/** Brings choices into the form in which they are kept. Throws `invalid_input`. */
export function toChoices(choices: MirrorChoices): MirrorChoices {
  requireChoices(choices)
  return {
    ...choices,
    name: choices.name.trim(),
    only: parsePackageGlobs(choices.only),
    except: parsePackageGlobs(choices.except),
  }
}

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
/** What the registry says itself, or what would change where a request ends or goes. */
const OWN_HEADERS =
  /^(?:host|connection|content-.*|transfer-.*|te|upgrade|expect|accept.*|if-.*|range|user-agent|proxy-.*|cookie2|trailer|keep-alive)$/i
const MOST_HEADERS = 10

/** Refuses a credential that cannot be presented to an upstream. Throws `invalid_input`. */
export function requireUpstreamCredential(credential: CredentialInput, { scheme }: Pick<MirrorUrl, 'scheme'>): CredentialInput {
  requireFittingCredential(credential, scheme)
  if (credential.kind !== 'headers') {
    return credential
  }
  const headers = Object.entries(credential.headers)
  if (headers.length === 0 || headers.length > MOST_HEADERS) {
    throw invalidInput('credential', `give 1 to ${MOST_HEADERS} headers`)
  }
  for (const [name, value] of headers) {
    if (!HEADER_NAME.test(name) || OWN_HEADERS.test(name)) {
      throw invalidInput('credential', `the header ${name.slice(0, 100)} cannot be sent`)
    }
    if (!/^[\u0021-\u007e](?:[\u0020-\u007e]*[\u0021-\u007e])?$/.test(value)) {
      throw invalidInput('credential', `the value of the header ${name} has characters that cannot be sent`)
    }
  }
  return credential
}
