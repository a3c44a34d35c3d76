import { Option, type Command } from 'commander'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { setCredential } from '../../core/sources/index.ts'
import { parseExpiry } from '../expiry.ts'
import { usageFailure } from '../failure.ts'
import { noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { showSync, toFollowed } from '../show-sync.ts'
import { addCredentialOptions, readCredential, type CredentialOptions } from '../source-credential.ts'
import { getSourceByKey } from '../source-outcome.ts'

const HELP = `
The new credential is for the host that the source is on; the old one is gone afterwards. A sync with the new one starts at once.

Examples:
  $ repertoire source set-credential acme https://github.com/acme/private.git --token-file /run/secrets/github
  $ repertoire source set-credential acme https://git.example.com/acme/lib.git --username deploy --credential-expires 90d
  $ repertoire source set-credential acme https://git.example.com/acme/lib.git --none`

/** How to say when a credential ends. */
export function credentialExpiryOption(): Option {
  return new Option(
    '--credential-expires <when>',
    'when the credential ends: a duration (30d, 8w, 1y), a date or a time; owners and admins are told before',
  ).argParser((text: string) => parseExpiry(text, Date.now()))
}

/** `repertoire source set-credential` */
export function addSourceCredentialCommand(commands: Command, run: Run): void {
  const command = commands
    .command('set-credential')
    .description('replace the credential with which a source is read')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .option('--none', 'take the credential away')
  addCredentialOptions(command)
    .addOption(credentialExpiryOption())
    .addOption(noWaitOption())
    .addHelpText('after', HELP)
    .action(run(change))
}

type Options = CredentialOptions & { none?: boolean; credentialExpires?: number; wait: boolean }

async function change(session: Session, slug: string, key: string, options: Options): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const credential = await readCredential(session, source.kind === 'vcs' ? source.url : 'https://', options)
  if ((credential === null) !== (options.none === true)) {
    throw usageFailure('Say where the new credential comes from, such as --token-file, or give --none to take it away.')
  }
  const job = await setCredential(ctx, source, { credential, expiresAt: options.credentialExpires ?? null })
  session.note(credential === null ? `${source.url} has no credential now.` : `${source.url} has a new credential.`)
  await showSync(session, { slug, source, wait: options.wait, followed: await toFollowed(await session.ctx(), job) })
}
