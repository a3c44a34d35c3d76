import { z } from 'zod'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import type { JobId } from '../../core/kernel/values.ts'
import { getJob } from '../../core/jobs/index.ts'
import {
  addMirror,
  addMirroredPackages,
  changeMirror,
  dismissMirrorIncident,
  getMirror,
  listMirroredPackages,
  listMirrorIncidents,
  listMirrorRuns,
  listMirrors,
  listReservations,
  orderMirrors,
  releaseNames,
  removeMirror,
  removeMirroredPackages,
  requestMirrorRefresh,
  reserveNames,
  type DescribedMirror,
} from '../../core/mirrors/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { enter, readPage } from './organization-routes.ts'

const Credential = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('basic'), username: z.string(), password: z.string() }),
  z.strictObject({ kind: z.literal('bearer'), token: z.string() }),
  z.strictObject({ kind: z.literal('headers'), headers: z.record(z.string(), z.string()) }),
])
const Choices = z.strictObject({
  name: z.string().optional(),
  behavior: z.enum(['add_on_use', 'manual', 'manual_admin', 'disabled']).optional(),
  timeout: z.int().optional(),
  only: z.array(z.string()).nullable().optional(),
  except: z.array(z.string()).nullable().optional(),
  keepsArchives: z.boolean().optional(),
  takesAll: z.boolean().optional(),
  holdsSuspects: z.boolean().optional(),
  refreshSeconds: z.int().nullable().optional(),
})
const NewMirror = Choices.extend({ url: z.string(), credential: Credential.nullable().default(null) })
const Change = Choices.extend({ url: z.string().optional(), credential: Credential.nullable().optional() })
const Names = z.strictObject({ names: z.array(z.string()) })

const ALL = '/app/api/organizations/:organization/mirrors'
const ONE = `${ALL}/:mirror`

/** Upstream repositories of an organization, their packages and incidents, and the names that are kept for private packages. */
export function mirrorRoutes(): Route[] {
  return [
    consoleRoute('GET', ALL, list),
    consoleRoute('POST', ALL, create),
    consoleRoute('PUT', '/app/api/organizations/:organization/mirror-order', order),
    consoleRoute('GET', ONE, show),
    consoleRoute('PATCH', ONE, change),
    consoleRoute('DELETE', ONE, remove),
    consoleRoute('POST', `${ONE}/refresh`, refresh),
    consoleRoute('GET', `${ONE}/runs`, runs),
    consoleRoute('GET', `${ONE}/packages`, packages),
    consoleRoute('POST', `${ONE}/packages`, addPackages),
    consoleRoute('DELETE', `${ONE}/packages`, dropPackages),
    consoleRoute('GET', `${ONE}/incidents`, incidents),
    consoleRoute('POST', `${ONE}/incidents/:incident/dismiss`, dismiss),
    consoleRoute('GET', '/app/api/organizations/:organization/reserved-names', reservations),
    consoleRoute('POST', '/app/api/organizations/:organization/reserved-names', reserve),
    consoleRoute('POST', '/app/api/organizations/:organization/released-names', release),
  ]
}

async function enterMirror(call: Call): Promise<DescribedMirror> {
  const { organization } = await enter(call)
  return getMirror(call.ctx, { organization: organization.id, uid: call.params['mirror'] ?? '' })
}

async function list(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  return json({ mirrors: (await listMirrors(call.ctx, organization.id)).map(presentMirror) })
}

async function create(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { url, credential, ...choices } = await readJson(call, NewMirror)
  const { mirror, job } = await addMirror(call.ctx, { organization: organization.id, url, credential, ...given(choices) })
  const described = await getMirror(call.ctx, { organization: organization.id, uid: mirror.uid })
  return json({ mirror: presentMirror(described), job: await uidOf(call, job) }, 201)
}

async function order(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { mirrors } = await readJson(call, z.strictObject({ mirrors: z.array(z.string()) }))
  await orderMirrors(call.ctx, organization.id, mirrors)
  return list(call)
}

async function show(call: Call): Promise<Response> {
  return json({ mirror: presentMirror(await enterMirror(call)) })
}

async function change(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const { job } = await changeMirror(call.ctx, mirror, given(await readJson(call, Change)))
  return json({ mirror: presentMirror(await enterMirror(call)), job: job === null ? null : await uidOf(call, job) })
}

/** With `?packages=delete` its packages go, too. */
async function remove(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const packages = call.query.get('packages') ?? 'refuse'
  if (packages !== 'refuse' && packages !== 'delete') {
    throw invalidInput('packages', 'give "refuse" or "delete"')
  }
  await removeMirror(call.ctx, mirror, { packages })
  return done()
}

async function refresh(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  return json({ job: await uidOf(call, await requestMirrorRefresh(call.ctx, mirror)) }, 202)
}

async function runs(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const { items, next } = await listMirrorRuns(call.ctx, mirror, readPage(call))
  const presented = items.map(({ startedAt, completedAt, uid, state, errorCode, error, ...counts }) => ({
    ...{ id: uid, state, errorCode, error, added: counts.added, updated: counts.updated, removed: counts.removed },
    ...{ unchanged: counts.skipped, failed: counts.failed },
    startedAt: presentInstant(startedAt),
    completedAt: presentInstant(completedAt),
  }))
  return json({ runs: presented, next })
}

/** Names sort the list, so the cursor is the last name. */
async function packages(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const found = await listMirroredPackages(call.ctx, mirror, { after: call.query.get('after') ?? '', limit: MAX_PAGE })
  const presented = found.map(({ name, upstream, problem, checkedAt, changedAt, failingSince }) => ({
    ...{ name, upstream, problem },
    checkedAt: presentInstant(checkedAt),
    changedAt: presentInstant(changedAt),
    failingSince: presentInstant(failingSince),
  }))
  return json({ packages: presented, next: found.length < MAX_PAGE ? null : (found.at(-1)?.name ?? null) })
}

async function addPackages(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const { names } = await readJson(call, Names)
  const added = await addMirroredPackages(call.ctx, mirror, names)
  const jobs = await Promise.all(added.map(async ({ name, job }) => ({ name, job: await uidOf(call, job) })))
  return json({ jobs }, 202)
}

async function dropPackages(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  return json({ removed: await removeMirroredPackages(call.ctx, mirror) })
}

/** With `?all=true` also what was dismissed. */
async function incidents(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  const isOpen = call.query.get('all') !== 'true'
  const { items, next } = await listMirrorIncidents(call.ctx, mirror, { page: readPage(call), isOpen })
  const presented = items.map(({ uid, kind, subject, detail, count, firstAt, lastAt, dismissedAt }) => ({
    ...{ id: uid, kind, subject, detail, count },
    firstAt: presentInstant(firstAt),
    lastAt: presentInstant(lastAt),
    dismissedAt: presentInstant(dismissedAt),
  }))
  return json({ incidents: presented, next })
}

async function dismiss(call: Call): Promise<Response> {
  const { mirror } = await enterMirror(call)
  await dismissMirrorIncident(call.ctx, mirror, call.params['incident'] ?? '')
  return done()
}

async function reservations(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const found = await listReservations(call.ctx, organization.id)
  return json({ names: found.map(({ pattern, kind }) => ({ pattern, kind })) })
}

async function reserve(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await reserveNames(call.ctx, organization.id, (await readJson(call, Names)).names)
  return done()
}

async function release(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await releaseNames(call.ctx, organization.id, (await readJson(call, Names)).names)
  return done()
}

async function uidOf(call: Call, job: JobId): Promise<string> {
  return (await getJob(call.ctx, job)).uid
}

/** Fields that were given; one that is undefined was not. */
function given<Fields extends object>(fields: Fields): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>
  }
}

function presentMirror({ mirror, packages, failing, incidents, pausedUntil }: DescribedMirror) {
  const { uid, name, url, behavior, position, timeout, only, except, keepsArchives, takesAll, holdsSuspects, state, problem } =
    mirror
  return {
    ...{ id: uid, name, url, behavior, position, timeout, only, except, keepsArchives, takesAll, holdsSuspects, state, problem },
    ...{ packages, failingPackages: failing, incidents },
    refreshSeconds: mirror.refreshSeconds,
    hasCredential: mirror.credential !== null,
    protocol: mirror.root?.protocol.kind ?? null,
    failingSince: presentInstant(mirror.failingSince),
    pausedUntil: presentInstant(pausedUntil),
    refreshedAt: presentInstant(mirror.refreshedAt),
    nextRefreshAt: behavior === 'disabled' ? null : presentInstant(mirror.nextRefreshAt),
    createdAt: presentInstant(mirror.createdAt),
  }
}
