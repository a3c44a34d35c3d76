import { z } from 'zod'
import {
  addTeamMember,
  assignTeam,
  changeTeam,
  createTeam,
  deleteTeam,
  getTeam,
  listAssignedTeams,
  listTeamMembers,
  listTeams,
  parseTeamPermissions,
  removeTeamMember,
  unassignTeam,
  type TeamSettings,
} from '../../core/access/index.ts'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import type { Team } from '../../core/organizations/index.ts'
import { addTeamPackages, listTeamPackages, removeTeamPackages } from '../../core/packages/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { enter, readPage } from './organization-routes.ts'

const NewTeam = z.strictObject({
  name: z.string(),
  permissions: z.array(z.string()).default([]),
  allPackages: z.boolean().default(false),
})
const Settings = z.strictObject({
  name: z.string().optional(),
  permissions: z.array(z.string()).optional(),
  allPackages: z.boolean().optional(),
})
const Assignment = z.strictObject({ team: z.string(), role: z.enum(['admin', 'member']) })

/** The teams of an organization: settings, members, packages, and the suborganizations in which they have a role. */
export function teamRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/organizations/:organization/teams', list),
    consoleRoute('POST', '/app/api/organizations/:organization/teams', create),
    consoleRoute('GET', '/app/api/organizations/:organization/teams/:team', show),
    consoleRoute('PATCH', '/app/api/organizations/:organization/teams/:team', change),
    consoleRoute('DELETE', '/app/api/organizations/:organization/teams/:team', remove),
    consoleRoute('GET', '/app/api/organizations/:organization/teams/:team/members', members),
    consoleRoute('POST', '/app/api/organizations/:organization/teams/:team/members', addMember),
    consoleRoute('DELETE', '/app/api/organizations/:organization/teams/:team/members/:user', dropMember),
    consoleRoute('GET', '/app/api/organizations/:organization/teams/:team/packages', packages),
    consoleRoute('POST', '/app/api/organizations/:organization/teams/:team/packages', addPackages),
    consoleRoute('DELETE', '/app/api/organizations/:organization/teams/:team/packages/:vendor/:package', dropPackage),
    consoleRoute('GET', '/app/api/organizations/:organization/assigned-teams', assigned),
    consoleRoute('POST', '/app/api/organizations/:organization/assigned-teams', assign),
    consoleRoute('DELETE', '/app/api/organizations/:organization/assigned-teams/:team', unassign),
  ]
}

async function enterTeam(call: Call) {
  const { organization } = await enter(call)
  return { organization, team: await getTeam(call.ctx, { organization: organization.id, uid: call.params['team'] ?? '' }) }
}

async function list(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { items, next } = await listTeams(call.ctx, { organization: organization.id, page: readPage(call) })
  const teams = items.map((team) => ({ ...presentTeam(team), members: team.members, packages: team.packages }))
  return json({ teams, next })
}

async function create(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { permissions, ...settings } = await readJson(call, NewTeam)
  const team = await createTeam(call.ctx, { organization, ...settings, permissions: parseTeamPermissions(permissions) })
  return json({ team: presentTeam(team) }, 201)
}

async function show(call: Call): Promise<Response> {
  return json({ team: presentTeam((await enterTeam(call)).team) })
}

async function change(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  const { name, permissions, allPackages } = await readJson(call, Settings)
  const settings: Partial<TeamSettings> = {
    ...(name === undefined ? {} : { name }),
    ...(permissions === undefined ? {} : { permissions: parseTeamPermissions(permissions) }),
    ...(allPackages === undefined ? {} : { allPackages }),
  }
  return json({ team: presentTeam(await changeTeam(call.ctx, { organization, uid: team.uid, settings })) })
}

async function remove(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  await deleteTeam(call.ctx, { organization, uid: team.uid })
  return done()
}

async function members(call: Call): Promise<Response> {
  const { team } = await enterTeam(call)
  const { items, next } = await listTeamMembers(call.ctx, { team, page: readPage(call) })
  return json({ members: items.map(({ uid, email, name }) => ({ id: uid, email, name })), next })
}

async function addMember(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  const { user } = await readJson(call, z.strictObject({ user: z.string() }))
  await addTeamMember(call.ctx, { organization, team: team.uid, user })
  return done()
}

async function dropMember(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  await removeTeamMember(call.ctx, { organization, team: team.uid, user: call.params['user'] ?? '' })
  return done()
}

/** Names sort the list, so the cursor is the last name. */
async function packages(call: Call): Promise<Response> {
  const { team } = await enterTeam(call)
  const names = await listTeamPackages(call.ctx, { team, limit: MAX_PAGE, afterName: call.query.get('after') ?? '' })
  return json({ packages: names, next: names.length < MAX_PAGE ? null : (names.at(-1) ?? null) })
}

async function addPackages(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  const { names } = await readJson(call, z.strictObject({ names: z.array(z.string()) }))
  await addTeamPackages(call.ctx, { organization, team: team.uid, names })
  return done()
}

async function dropPackage(call: Call): Promise<Response> {
  const { organization, team } = await enterTeam(call)
  const name = `${call.params['vendor']}/${call.params['package']}`
  await removeTeamPackages(call.ctx, { organization, team: team.uid, names: [name] })
  return done()
}

async function assigned(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const teams = await listAssignedTeams(call.ctx, organization)
  return json({ teams: teams.map(({ uid, name, permissions, role }) => ({ id: uid, name, permissions, role })) })
}

async function assign(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await assignTeam(call.ctx, { suborganization: organization, ...(await readJson(call, Assignment)) })
  return done()
}

async function unassign(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await unassignTeam(call.ctx, { suborganization: organization, team: call.params['team'] ?? '' })
  return done()
}

function presentTeam({ uid, name, permissions, allPackages, createdAt }: Team) {
  return { id: uid, name, permissions, allPackages, createdAt: presentInstant(createdAt) }
}
