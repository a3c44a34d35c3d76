import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { GitCredential, HeadersCredential } from '../kernel/ports.ts'
import type { CredentialId, Instant, OrganizationId } from '../kernel/values.ts'
import { findCredentialRow, insertCredential, type CredentialRow } from './credentials.sql.ts'

/** What somebody gives for a source; it is pinned to the origin of the source's URL. */
export type CredentialInput =
  | { kind: 'basic'; username: string; password: string }
  | { kind: 'bearer'; token: string }
  | { kind: 'ssh_key'; privateKey: string }
  | { kind: 'headers'; headers: Readonly<Record<string, string>> }

const MAX_SECRET = 20_000

/**
 * Refuses a credential that cannot be presented to such a URL: keys belong to ssh, the others to http and https. Control characters
 * would end a header or an answer to git early. Throws `invalid_input`.
 */
export function requireFittingCredential(input: CredentialInput, scheme: string): void {
  if ((input.kind === 'ssh_key') !== (scheme === 'ssh')) {
    throw invalidInput('credential', `a credential of kind ${input.kind} cannot be used with ${scheme}`)
  }
  const secret = secretOf(input)
  if (secret === '' || secret.length > MAX_SECRET) {
    throw invalidInput('credential', `the secret must have 1 to ${MAX_SECRET} characters`)
  }
  if (input.kind === 'ssh_key') {
    if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[\s\S]+-----END [A-Z ]*PRIVATE KEY-----\s*$/.test(secret)) {
      throw invalidInput('credential', 'this is not a private key in PEM or OpenSSH form')
    }
    return
  }
  const username = input.kind === 'basic' ? input.username : ''
  if (/\p{Cc}/u.test(secret) || /[\p{Cc}:]/u.test(username)) {
    throw invalidInput('credential', 'control characters are not allowed, nor ":" in the user name')
  }
}

function secretOf(input: CredentialInput): string {
  switch (input.kind) {
    case 'basic':
      return input.password
    case 'bearer':
      return input.token
    case 'ssh_key':
      return input.privateKey
    case 'headers':
      return JSON.stringify(input.headers)
  }
}

/** A credential ready to be stored: its secret is encrypted and bound to the row's uid. */
export interface SealedCredential {
  uid: string
  kind: CredentialInput['kind']
  username: string | null
  secret: string
}

/** Encrypts a credential; done outside the transaction that stores it. */
export function sealCredential(ctx: Ctx, input: CredentialInput): SealedCredential {
  const uid = ctx.newId()
  const plain = secretOf(input)
  ctx.secrets.redact(plain)
  return {
    uid,
    kind: input.kind,
    username: input.kind === 'basic' ? input.username : null,
    secret: ctx.secrets.encrypt(plain, contextOf(uid)),
  }
}

/** Stores a sealed credential for one origin; `expiresAt` is when it ends, as far as that is known. */
export async function storeCredential(
  tx: Tx,
  input: { organization: OrganizationId; origin: string; sealed: SealedCredential; expiresAt?: Instant | null },
): Promise<CredentialId> {
  const { sealed, expiresAt = null, ...rest } = input
  return insertCredential(tx.db, { ...sealed, ...rest, expiresAt, createdAt: tx.now })
}

/** Refuses an end that lies in the past. Throws `invalid_input`. */
export function requireFutureExpiry(ctx: Ctx, expiresAt: Instant | null): void {
  if (expiresAt !== null && !(Number.isSafeInteger(expiresAt) && expiresAt > ctx.now)) {
    throw invalidInput('expires', 'the credential must not have ended already')
  }
}

/** Opens a stored credential for use. Throws when it was sealed with another key or for another row. */
export async function openCredential(ctx: Ctx, id: CredentialId): Promise<GitCredential | null> {
  const row = await findCredentialRow(ctx.db, id)
  return row === null ? null : openForGit(ctx, row)
}

/** As `openCredential`, for upstreams that are asked over http and may want headers of their own. */
export async function openUpstreamCredential(ctx: Ctx, id: CredentialId): Promise<GitCredential | HeadersCredential | null> {
  const row = await findCredentialRow(ctx.db, id)
  return row === null ? null : open(ctx, row)
}

/** Opens a sealed credential that was kept as JSON beyond its row; see `detachHook`. Throws as `openCredential`. */
export function openSealedCredential(ctx: Ctx, text: string): GitCredential {
  return openForGit(ctx, JSON.parse(text) as Sealed)
}

function openForGit(ctx: Ctx, row: Sealed): GitCredential {
  const credential = open(ctx, row)
  if (credential.kind === 'headers') {
    throw new DomainError('source_refused', { problem: 'headers cannot be presented to a repository' })
  }
  return credential
}

type Sealed = Pick<CredentialRow, 'uid' | 'kind' | 'origin' | 'username' | 'secret'>

function open(ctx: Ctx, row: Sealed): GitCredential | HeadersCredential {
  const secret = ctx.secrets.decrypt(row.secret, contextOf(row.uid))
  switch (row.kind) {
    case 'basic':
      return { kind: 'basic', origin: row.origin, username: row.username ?? '', password: secret }
    case 'bearer':
      return { kind: 'bearer', origin: row.origin, token: secret }
    case 'ssh_key':
      return { kind: 'ssh_key', origin: row.origin, privateKey: secret }
    case 'headers':
      return { kind: 'headers', origin: row.origin, headers: JSON.parse(secret) as Record<string, string> }
  }
}

function contextOf(uid: string): string {
  return `credential:${uid}`
}
