import { Option, type Command } from 'commander'
import { addMember, changeMemberRole, listMembers, removeMember } from '../../core/access/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Role } from '../../core/kernel/schema.ts'
import { findMember, findUserId, getOrganizationByPath, type Member, type Organization } from '../../core/organizations/index.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const ROLES: readonly Role[] = ['owner', 'admin', 'member']

/** `repertoire member …` */
export function addMemberCommands(program: Command, run: Run): void {
  const commands = program.command('member').description('members: who belongs to an organization, in which role')
  commands
    .command('list')
    .description('list the members of an organization')
    .argument('<org>', 'slug of the organization')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire member list acme')
    .action(run(list))
  withPerson(commands.command('add').description('make somebody who has an account a member'))
    .addOption(new Option('--role <role>', 'what the person may do').choices(ROLES).default('member'))
    .addHelpText('after', '\nExample:\n  $ repertoire member add acme anna@example.com --role admin')
    .action(run(add))
  withPerson(commands.command('role').description('give a member another role'))
    .addOption(new Option('--role <role>', 'what the person may do').choices(ROLES).makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  $ repertoire member role acme anna@example.com --role owner')
    .action(run(changeRole))
  withPerson(commands.command('remove').description('end a membership; personal tokens of the person see nothing any more'))
    .addHelpText('after', '\nExample:\n  $ repertoire member remove acme anna@example.com')
    .action(run(remove))
}

function withPerson(command: Command): Command {
  return command.argument('<org>', 'slug of the organization').argument('<person>', 'e-mail address or uid of the person')
}

/** The member with that e-mail address or uid. Throws `member_not_found`. */
export async function getMemberByKey(ctx: Ctx, organization: Organization, key: string): Promise<Member> {
  const user = await findUserId(ctx.db, key.trim().toLowerCase())
  const member = user === null ? null : await findMember(ctx.db, organization.id, user)
  if (member === null) {
    throw new DomainError('member_not_found')
  }
  return member
}

async function list(session: Session, path: string, options: { limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, path)
  const members = await readAll(options.limit, (page) => listMembers(ctx, { organization: id, page }))
  session.show(members.map(presentMember), () =>
    members.length === 0
      ? `${path} has no members. Invite somebody with: repertoire invitation send ${path} …`
      : formatTable(
          ['E-MAIL', 'ROLE', 'SINCE', 'NAME'],
          members.map(({ email, role, joinedAt, name }) => [email, role, toMoment(joinedAt), name]),
          session.tableWidth,
        ),
  )
}

async function add(session: Session, path: string, person: string, options: { role: Role }): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const member = await addMember(ctx, { organization, user: person, role: options.role })
  session.show(presentMember(member), () => `Added ${toInert(member.email)} to ${path} as ${member.role}.`)
}

async function changeRole(session: Session, path: string, person: string, options: { role: Role }): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const { uid } = await getMemberByKey(ctx, organization, person)
  const member = await changeMemberRole(ctx, { organization, user: uid, role: options.role })
  session.show(presentMember(member), () => `${toInert(member.email)} is ${member.role} of ${path}.`)
}

async function remove(session: Session, path: string, person: string): Promise<void> {
  const ctx = await session.ctx()
  const organization = await getOrganizationByPath(ctx, path)
  const member = await getMemberByKey(ctx, organization, person)
  await removeMember(ctx, { organization, user: member.uid })
  session.show({ ...presentMember(member), removed: true }, () => `Removed ${toInert(member.email)} from ${path}.`)
}

function presentMember({ uid, email, name, role, joinedAt }: Member) {
  return { uid, email, name, role, joinedAt: toTimestamp(joinedAt) }
}
