import { Option, type Command } from 'commander'
import {
  changeOrganization,
  createOrganization,
  createSuborganization,
  deleteOrganization,
  listDeletedOrganizations,
  listOrganizations,
  RESTORABLE,
  restoreOrganization,
} from '../../core/access/index.ts'
import { changeSlug } from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Visibility } from '../../core/kernel/schema.ts'
import {
  findUserId,
  getOrganizationByPath,
  organizationPath,
  parseSlug,
  type Organization,
} from '../../core/organizations/index.ts'
import { toComposerSetUp } from '../composer-set-up.ts'
import { CliFailure, EXIT, usageFailure } from '../failure.ts'
import { toInert, toInertLines } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { visibilityOption } from './visibility.ts'
import { formatFields, formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

/** `repertoire org …` */
export function addOrganizationCommands(program: Command, run: Run): void {
  const commands = program.command('org').description('organizations: owners of packages, sources and tokens')
  commands
    .command('create')
    .description('create an organization, or below one a suborganization')
    .argument('<slug>', 'its name in URLs: a-z, 0-9, ".", "_", "-"; with a slash, a suborganization')
    .option('--name <name>', 'its name for people; the slug if left out')
    .option('--owner <person>', 'e-mail address or uid of its first owner')
    .addHelpText(
      'after',
      '\nExamples:\n  $ repertoire org create acme --name "Acme Inc." --owner anna@example.com\n  $ repertoire org create acme/themes',
    )
    .action(run(create))
  commands
    .command('list')
    .description('list all organizations and suborganizations')
    .addOption(limitOption())
    .option('--deleted', 'those that are deleted and can be restored')
    .addHelpText('after', '\nExample:\n  $ repertoire org list')
    .action(run(list))
  commands
    .command('show')
    .description('show an organization')
    .argument('<org>', 'slug of the organization')
    .addHelpText('after', '\nExample:\n  $ repertoire org show acme')
    .action(run(show))
  addChanges(commands, run)
}

function addChanges(commands: Command, run: Run): void {
  commands
    .command('set')
    .description('change an organization')
    .argument('<org>', 'slug of the organization')
    .option('--name <name>', 'its name for people')
    .option('--description <text>', 'what it is; an empty text for none')
    .addOption(new Option('--members-see <what>', 'all packages, or those of their teams').choices(['all', 'teams']))
    .addOption(visibilityOption())
    .option('--slug <slug>', 'another slug: every URL of its repository changes, and the old ones end')
    .addHelpText('after', '\nExample:\n  $ repertoire org set acme --members-see teams')
    .action(run(set))
  commands
    .command('delete')
    .description('delete an organization with its suborganizations; it can be restored for 30 days')
    .argument('<org>', 'slug of the organization')
    .option('--confirm <slug>', 'the slug once more, instead of being asked for it')
    .addHelpText('after', '\nExample:\n  $ repertoire org delete acme --confirm acme')
    .action(run(remove))
  commands
    .command('restore')
    .description('bring back a deleted organization')
    .argument('<uid>', 'its uid; see "repertoire org list --deleted"')
    .addHelpText('after', '\nExample:\n  $ repertoire org restore 0195…')
    .action(run(restore))
}

async function create(session: Session, path: string, options: { name?: string; owner?: string }): Promise<void> {
  const ctx = await session.ctx()
  const owner = options.owner === undefined ? null : await findUserId(ctx.db, options.owner.trim().toLowerCase())
  if (options.owner !== undefined && owner === null) {
    throw new DomainError('member_not_found')
  }
  const [slug = '', child] = path.split(/\/(.*)/s)
  const name = options.name ?? child ?? slug
  if (child !== undefined && owner !== null) {
    throw usageFailure('A suborganization belongs to the owners of its parent; add others with: repertoire member add')
  }
  const organization =
    child === undefined
      ? await createOrganization(ctx, { slug, name, owner })
      : await createSuborganization(ctx, { parent: await getOrganizationByPath(ctx, parseSlug(slug)), slug: child, name })
  const { repository } = toComposerSetUp(session.config, path)
  session.show({ ...presentOrganization(organization, path), repository }, () =>
    [
      `Created the organization ${path}; its repository is ${repository}`,
      `Next, add a source:  repertoire source add ${path} https://…`,
    ].join('\n'),
  )
}

async function withPaths<Item extends Organization>(ctx: Ctx, items: readonly Item[]): Promise<(Item & { path: string })[]> {
  const result = []
  for (const item of items) {
    result.push({ ...item, path: await organizationPath(ctx.db, item) })
  }
  return result
}

async function list(session: Session, options: { limit?: number; deleted?: boolean }): Promise<void> {
  const ctx = await session.ctx()
  if (options.deleted === true) {
    return listDeleted(session, ctx)
  }
  const organizations = await withPaths(ctx, await readAll(options.limit, (page) => listOrganizations(ctx, page)))
  session.show(
    organizations.map((one) => presentOrganization(one, one.path)),
    () =>
      organizations.length === 0
        ? 'There are no organizations. Create the first one with: repertoire setup'
        : formatTable(
            ['SLUG', 'CREATED', 'NAME'],
            organizations.map(({ path, createdAt, name }) => [path, toMoment(createdAt), name]),
            session.tableWidth,
          ),
  )
}

async function listDeleted(session: Session, ctx: Ctx): Promise<void> {
  const deleted = await withPaths(ctx, await listDeletedOrganizations(ctx))
  session.show(
    deleted.map((one) => ({
      ...presentOrganization(one, one.path),
      deletedAt: toTimestamp(one.deletedAt),
      restorableUntil: toTimestamp(one.deletedAt + RESTORABLE),
    })),
    () =>
      deleted.length === 0
        ? 'No organization is deleted.'
        : formatTable(
            ['UID', 'SLUG', 'DELETED', 'GONE AFTER', 'NAME'],
            deleted.map(({ uid, path, deletedAt, name }) => [
              uid,
              path,
              toMoment(deletedAt),
              toMoment(deletedAt + RESTORABLE),
              name,
            ]),
            session.tableWidth,
          ),
  )
}

async function show(session: Session, path: string): Promise<void> {
  showOne(session, await getOrganizationByPath(await session.ctx(), path), path)
}

function showOne(session: Session, organization: Organization, path: string): void {
  const { repository } = toComposerSetUp(session.config, path)
  session.show({ ...presentOrganization(organization, path), repository }, () => {
    const fields = formatFields([
      ['Slug', path],
      ['Name', organization.name],
      ['Id', String(organization.id)],
      ['Uid', organization.uid],
      ['Repository', repository],
      ['Members see', organization.memberAccess === 'all' ? 'all packages' : 'the packages of their teams'],
      ['Visibility', organization.visibility],
      ['Created', toMoment(organization.createdAt)],
    ])
    const { description } = organization
    return description === null ? fields : `${fields}\n\n${toInertLines(description)}`
  })
}

interface SetOptions {
  name?: string
  description?: string
  membersSee?: 'all' | 'teams'
  visibility?: Visibility
  slug?: string
}

async function set(session: Session, path: string, options: SetOptions): Promise<void> {
  if (Object.keys(options).length === 0) {
    throw usageFailure('Say what to change: --name, --description, --members-see, --visibility or --slug.')
  }
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const { name, description, membersSee: memberAccess, visibility, slug } = options
  const renamed = slug === undefined ? organization : await changeSlug(ctx, { organization, slug })
  const changed = await changeOrganization(await session.ctx(), {
    organization: renamed,
    settings: {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(memberAccess === undefined ? {} : { memberAccess }),
      ...(visibility === undefined ? {} : { visibility }),
    },
  })
  showOne(session, changed, await organizationPath(ctx.db, changed))
}

async function remove(session: Session, path: string, options: { confirm?: string }): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  if (options.confirm === undefined && !session.isInteractive) {
    throw usageFailure(`Deleting hides everything of ${toInert(path)} at once. Give --confirm ${toInert(path)} to confirm.`)
  }
  const typed = options.confirm ?? (await session.prompter.ask(`Type ${path} to delete it with its suborganizations`))
  if (typed !== path) {
    throw new CliFailure({ exit: EXIT.failed, code: 'declined', message: 'That is another name. Nothing was deleted.' })
  }
  await deleteOrganization(ctx, organization)
  session.show(
    { ...presentOrganization(organization, path), deleted: true, restorableUntil: toTimestamp(ctx.now + RESTORABLE) },
    () =>
      `Deleted ${path}. Until ${toMoment(ctx.now + RESTORABLE)} it can be brought back with: repertoire org restore ${organization.uid}`,
  )
}

async function restore(session: Session, uid: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await restoreOrganization(ctx, uid)
  const path = await organizationPath(ctx.db, organization)
  session.show(presentOrganization(organization, path), () => `Restored ${path}.`)
}

/** An organization for documents. */
export function presentOrganization(organization: Organization, path: string = organization.slug) {
  const { id, uid, slug, name, description, memberAccess, visibility, createdAt } = organization
  return { id, uid, slug, path, name, description, memberAccess, visibility, createdAt: toTimestamp(createdAt) }
}
