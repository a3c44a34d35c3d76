import type { Command } from 'commander'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { setAbandoned } from '../../core/packages/index.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'

/** `repertoire package abandon` and `unabandon` */
export function addAbandonCommands(commands: Command, run: Run): void {
  commands
    .command('abandon')
    .description('say that a package is abandoned, and what to use instead')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .argument('[replacement]', 'name of another package, or an http(s) address')
    .addHelpText('after', '\nExample:\n  $ repertoire package abandon acme acme/widgets acme/components')
    .action(run(abandon))
  commands
    .command('unabandon')
    .description('say that a package is maintained, whatever its composer.json says')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .addHelpText('after', '\nExample:\n  $ repertoire package unabandon acme acme/widgets')
    .action(run(unabandon))
}

async function abandon(session: Session, slug: string, name: string, replacement: string | undefined): Promise<void> {
  await set(session, { slug, name, abandoned: replacement ?? true })
}

async function unabandon(session: Session, slug: string, name: string): Promise<void> {
  await set(session, { slug, name, abandoned: false })
}

async function set(session: Session, input: { slug: string; name: string; abandoned: boolean | string }): Promise<void> {
  const ctx = await session.ctx()
  const { id: organization } = await getOrganizationByPath(ctx, input.slug)
  const { name, abandoned } = await setAbandoned(ctx, { organization, name: input.name, abandoned: input.abandoned })
  session.show({ name, abandoned }, () => {
    if (abandoned === false) {
      return `${name} is maintained.`
    }
    return abandoned === true ? `${name} is abandoned.` : `${name} is abandoned; ${abandoned} replaces it.`
  })
}
