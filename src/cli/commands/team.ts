import { Option, type Command } from 'commander'
import {
  addTeamMember,
  assignTeam,
  changeTeam,
  createTeam,
  deleteTeam,
  getTeamByName,
  listAssignments,
  listTeamMembers,
  listTeams,
  parseTeamPermissions,
  removeTeamMember,
  TEAM_PERMISSIONS,
  unassignTeam,
} from '../../core/access/index.ts'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import { findOrganization, getOrganizationByPath, type Organization, type Team } from '../../core/organizations/index.ts'
import { addTeamPackages, listTeamPackages, removeTeamPackages } from '../../core/packages/index.ts'
import { usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { toTimestamp } from '../texts.ts'
import { getMemberByKey } from './member.ts'

const PERMISSIONS = `what its members may do: ${TEAM_PERMISSIONS.join(', ')}; separated by commas`

/** `repertoire team …` */
export function addTeamCommands(program: Command, run: Run): void {
  const commands = program.command('team').description('teams: groups of members with permissions and packages')
  commands
    .command('create')
    .description('create a team without members and packages')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'its name')
    .option('--permissions <list>', PERMISSIONS, splitList)
    .option('--all-packages', 'it has every package, also future ones')
    .addHelpText('after', '\nExample:\n  $ repertoire team create acme Web --permissions package.add,package.edit')
    .action(run(create))
  commands
    .command('list')
    .description('list the teams of an organization')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire team list acme')
    .action(run(list))
  withTeam(commands.command('show').description('show a team with its members and packages'))
    .addHelpText('after', '\nExample:\n  $ repertoire team show acme Web')
    .action(run(show))
  withTeam(commands.command('set').description('change a team'))
    .option('--name <name>', 'another name')
    .option('--permissions <list>', `${PERMISSIONS}; "none" for nothing`, splitList)
    .addOption(new Option('--packages <which>', 'every package, or those that were added').choices(['all', 'added']))
    .addHelpText('after', '\nExample:\n  $ repertoire team set acme Web --packages all')
    .action(run(set))
  withTeam(commands.command('delete').description('delete a team; its members stay in the organization'))
    .addHelpText('after', '\nExample:\n  $ repertoire team delete acme Web')
    .action(run(remove))
  addContent(commands, run)
}

function addContent(commands: Command, run: Run): void {
  withTeam(commands.command('add-member').description('put a member of the organization into a team'))
    .argument('<person>', 'e-mail address or uid of the person')
    .addHelpText('after', '\nExample:\n  $ repertoire team add-member acme Web anna@example.com')
    .action(run(addMember))
  withTeam(commands.command('remove-member').description('take a member out of a team'))
    .argument('<person>', 'e-mail address or uid of the person')
    .addHelpText('after', '\nExample:\n  $ repertoire team remove-member acme Web anna@example.com')
    .action(run(dropMember))
  withTeam(commands.command('add-package').description('give packages to a team'))
    .argument('<names...>', 'names of packages')
    .addHelpText('after', '\nExample:\n  $ repertoire team add-package acme Web acme/http acme/log')
    .action(run(addPackages))
  withTeam(commands.command('remove-package').description('take packages from a team'))
    .argument('<names...>', 'names of packages')
    .addHelpText('after', '\nExample:\n  $ repertoire team remove-package acme Web acme/log')
    .action(run(dropPackages))
  commands
    .command('assign')
    .description('give the members of a team of the parent a role in a suborganization')
    .argument('<org>', 'path of the suborganization')
    .argument('<team>', 'name or uid of a team of its parent')
    .addOption(new Option('--role <role>', 'what they may do there').choices(['admin', 'member']).default('member'))
    .addHelpText('after', '\nExample:\n  $ repertoire team assign acme/themes Web --role admin')
    .action(run(assign))
  commands
    .command('unassign')
    .description('end the role of a team in a suborganization')
    .argument('<org>', 'path of the suborganization')
    .argument('<team>', 'name or uid of a team of its parent')
    .addHelpText('after', '\nExample:\n  $ repertoire team unassign acme/themes Web')
    .action(run(unassign))
}

function splitList(text: string): string[] {
  return text === 'none' ? [] : text.split(',')
}

function withTeam(command: Command): Command {
  return command.argument('<org>', 'slug of the organization').argument('<team>', 'name or uid of the team')
}

async function open(session: Session, path: string, name: string) {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  return { ctx, organization, team: await getTeamByName(ctx, { organization: organization.id, name }) }
}

async function create(
  session: Session,
  path: string,
  name: string,
  options: { permissions?: string[]; allPackages?: boolean },
): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const permissions = parseTeamPermissions(options.permissions ?? [])
  const team = await createTeam(ctx, { organization, name, permissions, allPackages: options.allPackages ?? false })
  session.show(presentTeam(team), () => `Created the team ${toInert(team.name)} of ${path}.`)
}

async function list(session: Session, path: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const teams = await readAll(options.limit, (page) => listTeams(ctx, { organization: id, page }))
  session.show(
    teams.map((team) => ({ ...presentTeam(team), members: team.members, packages: team.packages })),
    () =>
      teams.length === 0
        ? `${path} has no teams. Create one with: repertoire team create ${path} …`
        : formatTable(
            ['NAME', 'MEMBERS', 'PACKAGES', 'PERMISSIONS'],
            teams.map((team) => [
              team.name,
              String(team.members),
              team.allPackages ? 'all' : String(team.packages),
              team.permissions.join(',') || '-',
            ]),
            session.tableWidth,
          ),
  )
}

async function show(session: Session, path: string, name: string): Promise<void> {
  const { ctx, team } = await open(session, path, name)
  const members = await readAll(undefined, (page) => listTeamMembers(ctx, { team, page }))
  const packages: string[] = []
  let names: string[]
  do {
    names = await listTeamPackages(ctx, { team, limit: MAX_PAGE, afterName: packages.at(-1) ?? '' })
    packages.push(...names)
  } while (names.length === MAX_PAGE)
  const assignments = await listAssignments(ctx, team)
  const document = {
    ...presentTeam(team),
    members: members.map(({ uid, email, name: person }) => ({ uid, email, name: person })),
    packages,
    suborganizations: assignments.map(({ uid, slug, role }) => ({ uid, slug, role })),
  }
  session.show(document, () =>
    formatFields([
      ['Name', team.name],
      ['Uid', team.uid],
      ['Permissions', team.permissions.join(', ') || 'none'],
      ['Members', members.map(({ email }) => email).join(', ') || 'none'],
      ['Packages', `${team.allPackages ? 'all: ' : ''}${packages.join(', ') || 'none'}`],
      ['Suborganizations', assignments.map(({ slug, role }) => `${slug} (${role})`).join(', ') || 'none'],
    ]),
  )
}

async function set(
  session: Session,
  path: string,
  name: string,
  options: { name?: string; permissions?: string[]; packages?: 'all' | 'added' },
): Promise<void> {
  if (Object.keys(options).length === 0) {
    throw usageFailure('Say what to change: --name, --permissions or --packages.')
  }
  const { ctx, organization, team } = await open(session, path, name)
  const changed = await changeTeam(ctx, {
    organization,
    uid: team.uid,
    settings: {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.permissions === undefined ? {} : { permissions: parseTeamPermissions(options.permissions) }),
      ...(options.packages === undefined ? {} : { allPackages: options.packages === 'all' }),
    },
  })
  session.show(presentTeam(changed), () => `Changed the team ${toInert(changed.name)} of ${path}.`)
}

async function remove(session: Session, path: string, name: string): Promise<void> {
  const { ctx, organization, team } = await open(session, path, name)
  await deleteTeam(ctx, { organization, uid: team.uid })
  session.show({ ...presentTeam(team), deleted: true }, () => `Deleted the team ${toInert(team.name)} of ${path}.`)
}

async function addMember(session: Session, path: string, name: string, person: string): Promise<void> {
  const { ctx, organization, team } = await open(session, path, name)
  const { uid, email } = await getMemberByKey(ctx, organization, person)
  await addTeamMember(ctx, { organization, team: team.uid, user: uid })
  session.show({ team: team.uid, user: uid }, () => `${toInert(email)} is in the team ${toInert(team.name)}.`)
}

async function dropMember(session: Session, path: string, name: string, person: string): Promise<void> {
  const { ctx, organization, team } = await open(session, path, name)
  const { uid, email } = await getMemberByKey(ctx, organization, person)
  await removeTeamMember(ctx, { organization, team: team.uid, user: uid })
  session.show(
    { team: team.uid, user: uid, removed: true },
    () => `${toInert(email)} is no longer in the team ${toInert(team.name)}.`,
  )
}

async function addPackages(session: Session, path: string, name: string, names: string[]): Promise<void> {
  const { ctx, organization, team } = await open(session, path, name)
  await addTeamPackages(ctx, { organization, team: team.uid, names })
  session.show({ team: team.uid, added: names }, () => `The team ${toInert(team.name)} has ${names.map(toInert).join(', ')}.`)
}

async function dropPackages(session: Session, path: string, name: string, names: string[]): Promise<void> {
  const { ctx, organization, team } = await open(session, path, name)
  await removeTeamPackages(ctx, { organization, team: team.uid, names })
  session.show(
    { team: team.uid, removed: names },
    () => `The team ${toInert(team.name)} no longer has ${names.map(toInert).join(', ')}.`,
  )
}

async function openAssignment(session: Session, path: string, name: string) {
  const ctx = await session.ctx()
  const suborganization: Organization = await getOrganizationByPath(ctx, path)
  const parent = suborganization.parent === null ? null : await findOrganization(ctx.db, suborganization.parent)
  if (parent === null) {
    throw usageFailure('Give the path of a suborganization, such as acme/themes.')
  }
  return { ctx, suborganization, team: await getTeamByName(ctx, { organization: parent.id, name }) }
}

async function assign(session: Session, path: string, name: string, options: { role: 'admin' | 'member' }): Promise<void> {
  const { ctx, suborganization, team } = await openAssignment(session, path, name)
  await assignTeam(ctx, { suborganization, team: team.uid, role: options.role })
  const { role } = options
  session.show({ team: team.uid, organization: path, role }, () => `The team ${toInert(team.name)} is ${role} of ${path}.`)
}

async function unassign(session: Session, path: string, name: string): Promise<void> {
  const { ctx, suborganization, team } = await openAssignment(session, path, name)
  await unassignTeam(ctx, { suborganization, team: team.uid })
  session.show(
    { team: team.uid, organization: path, removed: true },
    () => `The team ${toInert(team.name)} has no role in ${path} any more.`,
  )
}

function presentTeam({ uid, name, permissions, allPackages, createdAt }: Team) {
  return { uid, name, permissions, allPackages, createdAt: toTimestamp(createdAt) }
}
