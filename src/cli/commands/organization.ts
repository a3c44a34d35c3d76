import type { Command } from 'commander'
import { createOrganization, listOrganizations } from '../../core/access/index.ts'
import type { Organization } from '../../core/organizations/index.ts'
import { toComposerSetUp } from '../composer-set-up.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** `repertoire org …` */
export function addOrganizationCommands(program: Command, run: Run): void {
  const commands = program.command('org').description('organizations: owners of packages, sources and tokens')
  commands
    .command('create')
    .description('create an organization')
    .argument('<slug>', 'its name in URLs: a-z, 0-9, ".", "_", "-"')
    .option('--name <name>', 'its name for people; the slug if left out')
    .addHelpText('after', '\nExample:\n  $ repertoire org create acme --name "Acme Inc."')
    .action(run(create))
  commands
    .command('list')
    .description('list all organizations')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire org list')
    .action(run(list))
}

async function create(session: Session, slug: string, options: { name?: string }): Promise<void> {
  const organization = await createOrganization(await session.ctx(), { slug, name: options.name ?? slug })
  const { repository } = toComposerSetUp(session.config, slug)
  session.show({ ...presentOrganization(organization), repository }, () =>
    [
      `Created the organization ${organization.slug}; its repository is ${repository}`,
      `Next, add a source:  repertoire source add ${organization.slug} https://…`,
    ].join('\n'),
  )
}

async function list(session: Session, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const organizations = await readAll(options.limit, (page) => listOrganizations(ctx, page))
  session.show(organizations.map(presentOrganization), () =>
    organizations.length === 0
      ? 'There are no organizations. Create the first one with: repertoire setup'
      : formatTable(
          ['SLUG', 'CREATED', 'NAME'],
          organizations.map(({ slug, createdAt, name }) => [slug, toMoment(createdAt), name]),
          session.tableWidth,
        ),
  )
}

/** An organization for documents. */
export function presentOrganization(organization: Organization) {
  const { uid, slug, name, createdAt } = organization
  return { uid, slug, name, createdAt: toTimestamp(createdAt) }
}
