import type { User } from '../../core/accounts/index.ts'
import { presentInstant } from './console-route.ts'

/** A person on the console's wire. */
export function presentUser(user: User) {
  return {
    id: user.uid,
    email: user.email,
    name: user.name,
    isOperator: user.isOperator,
    emailVerifiedAt: presentInstant(user.emailVerifiedAt),
    disabledAt: presentInstant(user.disabledAt),
    createdAt: presentInstant(user.createdAt),
  }
}
