import type { GitCredential, Secrets } from '../kernel/ports.ts'

/** What is presented over http with a credential, to its origin alone; null where there is nothing of the kind. Nothing of it is ever printed. */
export function toAuthorization(
  secrets: Secrets,
  credential: GitCredential | null,
): { origin: string; authorization: string } | null {
  switch (credential?.kind) {
    case 'basic': {
      const encoded = Buffer.from(`${credential.username}:${credential.password}`).toString('base64')
      secrets.redact(encoded)
      return { origin: credential.origin, authorization: `Basic ${encoded}` }
    }
    case 'bearer':
      return { origin: credential.origin, authorization: `Bearer ${credential.token}` }
    default:
      return null
  }
}
