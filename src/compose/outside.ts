/** Everything that reaches out of the process, behind one guard for connections: version control, http, mail, and the limits that processes share. */
import { join } from 'node:path'
import type { Ports } from '../app.ts'
import type { Config } from '../config.ts'
import { createGit } from '../platform/git/create-git.ts'
import { createHttp } from '../platform/http/create-http.ts'
import { createUpstreams } from '../platform/http/upstreams.ts'
import { createEgress } from '../platform/http/egress.ts'
import { createAttempts } from '../platform/limits/attempts.ts'
import { createSharedLimiter } from '../platform/limits/shared-limiter.ts'
import { createMailer, type MailSetup } from '../platform/mail/create-mailer.ts'

/** What the doors to the outside are made of. */
export type OutsideParts = Pick<Ports, 'clock' | 'database' | 'secrets' | 'log'> & Pick<MailSetup, 'redact' | 'write'>

type Outside = Pick<Ports, 'http' | 'upstreams' | 'limiter' | 'attempts' | 'mailer'> & {
  git: Awaited<ReturnType<typeof createGit>>
}

/** Opens the doors to the outside as the configuration says. `git` has to be closed. */
export async function openOutside(
  config: Config,
  { clock, database, secrets, log, redact, write }: OutsideParts,
): Promise<Outside> {
  const egress = createEgress({ allow: config.allowedHosts })
  const root = join(config.dataDirectory, 'git')
  return {
    git: await createGit({ root, policy: config.sourceUrls, egress, secrets, log }),
    http: createHttp(egress),
    upstreams: createUpstreams({ clock, database }),
    limiter: createSharedLimiter({ clock, database, rules: config.rateLimits }),
    attempts: createAttempts({ clock, database }),
    mailer: config.mail === null ? null : createMailer({ ...config.mail, log, redact, write }),
  }
}
