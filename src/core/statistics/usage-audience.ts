import type { Actor } from '../kernel/actor.ts'

/**
 * Under whom a download or install is counted: each token by itself, all people who are signed in together (who of them looked at what is
 * nobody's business), and everybody else together.
 */
export function toUsageAudience(actor: Actor): string {
  switch (actor.kind) {
    case 'token':
      return `token:${actor.token}`
    case 'anonymous':
      return 'anonymous'
    default:
      return 'member'
  }
}
