import { z } from 'zod'
import {
  changeMemberRole,
  changeOrganization,
  createOrganization,
  createSuborganization,
  deleteOrganization,
  getOwnOrganization,
  leaveOrganization,
  listMembers,
  listOrganizations,
  listSuborganizations,
  parseRole,
  removeMember,
  type OwnOrganization,
} from '../../core/access/index.ts'
import { requireSignedIn } from '../../core/accounts/index.ts'
import { changeSlug } from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { MAX_PAGE, type Page, type Paged } from '../../core/kernel/paging.ts'
import { organizationPath, type Member, type Organization, type OrganizationSettings } from '../../core/organizations/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'

const Empty = z.strictObject({})
const NewOrganization = z.strictObject({ name: z.string(), slug: z.string().nullable().default(null) })
const Settings = z.strictObject({
  name: z.string().optional(),
  description: z.string().nullable().optional(),
  memberAccess: z.enum(['all', 'teams']).optional(),
  slug: z.string().optional(),
})

/** Organizations, suborganizations and their members. */
export function organizationRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/organizations', list),
    consoleRoute('POST', '/app/api/organizations', create),
    consoleRoute('GET', '/app/api/organizations/:organization', show),
    consoleRoute('PATCH', '/app/api/organizations/:organization', change),
    consoleRoute('DELETE', '/app/api/organizations/:organization', remove),
    consoleRoute('POST', '/app/api/organizations/:organization/leave', leave),
    consoleRoute('GET', '/app/api/organizations/:organization/suborganizations', listChildren),
    consoleRoute('POST', '/app/api/organizations/:organization/suborganizations', createChild),
    consoleRoute('GET', '/app/api/organizations/:organization/members', members),
    consoleRoute('PATCH', '/app/api/organizations/:organization/members/:user', changeMember),
    consoleRoute('DELETE', '/app/api/organizations/:organization/members/:user', dropMember),
  ]
}

/** The organization of a call, for somebody who is signed in and belongs to it. */
export async function enter({ ctx, params }: Call): Promise<OwnOrganization> {
  requireSignedIn(ctx)
  return getOwnOrganization(ctx, params['organization'] ?? '')
}

/** The page that a list is asked for: `after` is the cursor of the page before, `limit` 100 if it is left out. */
export function readPage({ query }: Call): Page {
  const after = query.get('after')
  const limit = query.get('limit') ?? '100'
  if (after !== null && !/^\d{1,15}$/.test(after)) {
    throw invalidInput('after', 'give the cursor of the page before')
  }
  if (!/^[1-9]\d{0,2}$/.test(limit) || Number(limit) > MAX_PAGE) {
    throw invalidInput('limit', `give 1 to ${MAX_PAGE}`)
  }
  return { after: after === null ? null : Number(after), limit: Number(limit) }
}

async function list(call: Call): Promise<Response> {
  requireSignedIn(call.ctx)
  const { items, next }: Paged<Organization> = await listOrganizations(call.ctx, readPage(call))
  const organizations = []
  for (const organization of items) {
    organizations.push(presentOrganization(organization, await organizationPath(call.ctx.db, organization)))
  }
  return json({ organizations, next })
}

async function create(call: Call): Promise<Response> {
  requireSignedIn(call.ctx)
  const organization = await createOrganization(call.ctx, await readJson(call, NewOrganization))
  return json({ organization: presentOrganization(organization, organization.slug) }, 201)
}

async function show(call: Call): Promise<Response> {
  const { organization, path, role } = await enter(call)
  return json({ organization: presentOrganization(organization, path), role })
}

async function change(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { slug, ...given } = await readJson(call, Settings)
  const settings = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as OrganizationSettings
  const renamed = slug === undefined ? organization : await changeSlug(call.ctx, { organization, slug })
  const changed = await changeOrganization(call.ctx, { organization: renamed, settings })
  return json({ organization: presentOrganization(changed, await organizationPath(call.ctx.db, changed)) })
}

async function remove(call: Call): Promise<Response> {
  await deleteOrganization(call.ctx, (await enter(call)).organization)
  return done()
}

async function leave(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await readJson(call, Empty)
  await leaveOrganization(call.ctx, organization)
  return done()
}

async function listChildren(call: Call): Promise<Response> {
  const { organization, path } = await enter(call)
  const { items, next } = await listSuborganizations(call.ctx, { organization, page: readPage(call) })
  return json({ organizations: items.map((child) => presentOrganization(child, `${path}/${child.slug}`)), next })
}

async function createChild(call: Call): Promise<Response> {
  const { organization, path } = await enter(call)
  const child = await createSuborganization(call.ctx, { parent: organization, ...(await readJson(call, NewOrganization)) })
  return json({ organization: presentOrganization(child, `${path}/${child.slug}`) }, 201)
}

async function members(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { items, next } = await listMembers(call.ctx, { organization: organization.id, page: readPage(call) })
  return json({ members: items.map(presentMember), next })
}

async function changeMember(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { role } = await readJson(call, z.strictObject({ role: z.string() }))
  const user = call.params['user'] ?? ''
  const member = await changeMemberRole(call.ctx, { organization, user, role: parseRole(role) })
  return json({ member: presentMember(member) })
}

async function dropMember(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await removeMember(call.ctx, { organization, user: call.params['user'] ?? '' })
  return done()
}

function presentOrganization(organization: Organization, path: string) {
  const { uid, slug, name, description, memberAccess, createdAt } = organization
  return { id: uid, slug, path, name, description, memberAccess, createdAt: presentInstant(createdAt) }
}

function presentMember({ uid, email, name, role, joinedAt }: Member) {
  return { id: uid, email, name, role, joinedAt: presentInstant(joinedAt) }
}
