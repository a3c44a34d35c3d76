import type { Command } from 'commander'
import { getReadme } from '../../core/catalog/index.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { toInertLines } from '../inert.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'

/** `repertoire package readme` */
export function addReadmeCommand(commands: Command, run: Run): void {
  commands
    .command('readme')
    .description('print the README of a version as it is in the repository')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .argument('[version]', 'the newest release without it')
    .addHelpText('after', '\nExample:\n  $ repertoire package readme acme acme/widgets 1.2.0')
    .action(run(readme))
}

async function readme(session: Session, slug: string, name: string, version: string | undefined): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, slug)
  const found = await getReadme(ctx, { organization, name, version: version ?? null })
  session.show(found, () => (found.text === null ? `${found.package} ${found.version} has no README.` : toInertLines(found.text)))
}
