import type { Mail, Mailer } from '../../core/kernel/ports.ts'

/** Keeps what was sent; for tests. `refuse` makes the next sends throw what it returns unless that is null. */
export interface MemoryMailer extends Mailer {
  readonly sent: Mail[]
  refuse: ((mail: Mail) => Error | null) | null
}

/** A mailer that delivers nowhere. */
export function createMemoryMailer(): MemoryMailer {
  const mailer: MemoryMailer = {
    sent: [],
    refuse: null,
    async send(mail) {
      const refusal = mailer.refuse?.(mail) ?? null
      if (refusal !== null) {
        throw refusal
      }
      mailer.sent.push(mail)
    },
  }
  return mailer
}
