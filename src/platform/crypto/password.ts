/** OWASP's parameters for little memory: 19 MiB and two passes, so that a burst of sign-ins does not exhaust a small host. */
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

/** The hash of a password that nobody has, made on first use; see `verifyPassword`. */
let nobodysHash: Promise<string> | null = null

/** Hashes a password with argon2id to a text that carries its own parameters and salt. An empty password throws. */
export async function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(toComparable(password), ARGON2ID)
}

/**
 * Whether the password is the one that was hashed. Without a hash (no such user, or one that signs in another way) it is
 * never the one, and finding that out takes as long, so that answers do not tell who exists. A damaged hash matches nothing.
 */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  nobodysHash ??= hashPassword(crypto.randomUUID())
  const stored = hash ?? (await nobodysHash)
  // The hash function refuses an empty password; verifying a stand-in keeps the time the same.
  const matches = await Bun.password.verify(toComparable(password) || '\0', stored, 'argon2id').catch(() => false)
  return matches && hash !== null && password !== ''
}

/** Whether a hash asks for less memory or fewer passes than new ones do, or is of another kind. */
export function isOutdatedHash(hash: string): boolean {
  const [, memory, passes] = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),/.exec(hash) ?? []
  return Number(memory ?? 0) < ARGON2ID.memoryCost || Number(passes ?? 0) < ARGON2ID.timeCost
}

/** The same characters typed on another keyboard may come in another composition (NIST SP 800-63B 5.1.1.2). */
function toComparable(password: string): string {
  return password.normalize('NFKC')
}
