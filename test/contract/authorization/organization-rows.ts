/** How the commands about organizations, members, teams and invitations are called by the matrix. */
import { on, open, type CommandRow, type MatrixWorld } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const PAGE = { limit: 10, after: null }
const LINK = open('the secret of the link is the proof')

/** A suborganization of `own`, as far as authorization looks at one. */
function childOf({ own, other }: MatrixWorld) {
  return { ...other, parent: own.id }
}

function teamOf({ own }: MatrixWorld) {
  return { id: 1, uid: 'x', organization: own.id, name: 'x', permissions: [], allPackages: false, createdAt: 0 }
}

const place = ({ own }: MatrixWorld) => [{ organization: own, team: 'x', user: 'x' }]
const names = ({ own }: MatrixWorld) => [{ organization: own, team: 'x', names: ['acme/http'] }]
const member = ({ own }: MatrixWorld) => [{ organization: own, user: 'x', role: 'member' }]
const invitation = ({ own }: MatrixWorld) => [{ organization: own, uid: 'x' }]

export const ORGANIZATION_ACCESS_ROWS: Rows = {
  acceptInvitation: LINK,
  addMember: on('member.add', member),
  addTeamMember: on('team.change', place),
  assignTeam: on('team.change', (world) => [{ suborganization: childOf(world), team: 'x', role: 'member' }]),
  cancelInvitation: on('invitation.change', invitation),
  changeMemberRole: on('member.change', member),
  changeOrganization: on('organization.update', ({ own }) => [{ organization: own, settings: { name: 'x' } }]),
  changeTeam: on('team.change', ({ own }) => [{ organization: own, uid: 'x', settings: { name: 'x' } }]),
  createSuborganization: on('suborganization.create', ({ own }) => [{ parent: own, name: 'x' }]),
  createTeam: on('team.change', ({ own }) => [{ organization: own, name: 'x', permissions: [], allPackages: false }]),
  deleteOrganization: on('organization.delete', ({ own }) => [own]),
  deleteTeam: on('team.change', ({ own }) => [{ organization: own, uid: 'x' }]),
  describeInvitation: LINK,
  getMember: on('member.list', ({ own }) => [{ organization: own.id, user: 'x' }]),
  getOwnOrganization: open('hides the organization from everybody else; src/core/access/manage-teams.test.ts'),
  getPackageVisibility: open('only says what whoever belongs there sees; test/contract/repository/team-limits.test.ts'),
  getTeam: on('team.list', ({ own }) => [{ organization: own.id, uid: 'x' }]),
  getTeamByName: on('team.list', ({ own }) => [{ organization: own.id, name: 'x' }]),
  leaveOrganization: open('ends the membership of whoever calls; src/core/access/manage-members.test.ts'),
  listAssignedTeams: on('team.list', ({ own }) => [own]),
  listAssignments: on('team.list', (world) => [teamOf(world)]),
  listDeletedOrganizations: on('organization.restore', () => []),
  listInvitations: on('invitation.list', ({ own }) => [{ organization: own.id, page: PAGE }]),
  listMembers: on('member.list', ({ own }) => [{ organization: own.id, page: PAGE }]),
  listSuborganizations: on('suborganization.list', ({ own }) => [{ organization: own, page: PAGE }]),
  listTeamMembers: on('team.list', (world) => [{ team: teamOf(world), page: PAGE }]),
  listTeams: on('team.list', ({ own }) => [{ organization: own.id, page: PAGE }]),
  registerByInvitation: LINK,
  removeMember: on('member.change', member),
  removeTeamMember: on('team.change', place),
  renewInvitation: on('invitation.change', invitation),
  restoreOrganization: on('organization.restore', () => ['x']),
  sendInvitation: on('invitation.change', ({ own }) => [{ organization: own, email: 'a@example.org', role: 'member' }]),
  unassignTeam: on('team.change', (world) => [{ suborganization: childOf(world), team: 'x' }]),
}

export const ORGANIZATION_CATALOG_ROWS: Rows = {
  changeSlug: on('organization.change-slug', ({ own }) => [{ organization: own, slug: 'new-slug' }]),
  purgeOrganizations: open('a job of the registry itself'),
}

export const ORGANIZATION_PACKAGE_ROWS: Rows = {
  addTeamPackages: on('team.change', names),
  listTeamPackages: on('team.list', (world) => [{ team: teamOf(world), limit: 10, afterName: '' }]),
  removeTeamPackages: on('team.change', names),
}
