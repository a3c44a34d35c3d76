import { z } from 'zod'
import {
  addAdvisory,
  changeAdvisory,
  changeFinding,
  countFindings,
  FINDING_STATES,
  getAdvisory,
  getFeedHealth,
  getFinding,
  listAdvisoriesOf,
  listFindings,
  listOwnAdvisories,
  parseReportedAt,
  requestFindings,
  SEVERITIES,
  withdrawAdvisory,
  type Advisory,
  type FindingFilter,
  type ListedFinding,
} from '../../core/advisories/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { enter, readPage } from './organization-routes.ts'

const Moment = z.string().transform((text, context) => {
  const instant = parseReportedAt(text)
  if (instant === null) {
    context.addIssue({ code: 'custom', message: 'give a day or a time such as 2026-01-31T12:00:00Z' })
    return z.NEVER
  }
  return instant
})
const Content = z.strictObject({
  affectedVersions: z.string(),
  title: z.string(),
  link: z.string().nullable().default(null),
  cve: z.string().nullable().default(null),
  severity: z.enum(SEVERITIES).nullable().default(null),
  reportedAt: Moment.nullable().default(null),
})
const NewAdvisory = Content.extend({ packageName: z.string(), isConfirmed: z.boolean().default(false) })
const Change = z.strictObject({
  affectedVersions: z.string().optional(),
  title: z.string().optional(),
  link: z.string().nullable().optional(),
  cve: z.string().nullable().optional(),
  severity: z.enum(SEVERITIES).nullable().optional(),
  reportedAt: Moment.optional(),
  isConfirmed: z.boolean().default(false),
})
const Decision = z.strictObject({ state: z.enum(FINDING_STATES), reason: z.string().nullable().default(null) })
const States = z.array(z.enum(FINDING_STATES))
const Kinds = z.array(z.enum(['version', 'requirement', 'lock']))
const Severities = z.array(z.enum(SEVERITIES))

/** Security advisories of an organization, and the findings about its packages. */
export function advisoryRoutes(): Route[] {
  const base = '/app/api/organizations/:organization'
  return [
    consoleRoute('GET', `${base}/advisories`, list),
    consoleRoute('POST', `${base}/advisories`, add),
    consoleRoute('GET', `${base}/advisories/:advisory`, show),
    consoleRoute('PATCH', `${base}/advisories/:advisory`, change),
    consoleRoute('DELETE', `${base}/advisories/:advisory`, withdraw),
    consoleRoute('GET', `${base}/findings`, findings),
    consoleRoute('GET', `${base}/findings/:finding`, showFinding),
    consoleRoute('PATCH', `${base}/findings/:finding`, decide),
    consoleRoute('GET', `${base}/security`, overview),
    consoleRoute('POST', `${base}/security/scan`, scan),
  ]
}

async function list(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const name = call.query.get('package')
  if (name !== null) {
    const advisories = await listAdvisoriesOf(call.ctx, { organization: organization.id, name })
    return json({ advisories: advisories.map(presentAdvisory), next: null })
  }
  const { items, next } = await listOwnAdvisories(call.ctx, organization.id, readPage(call))
  return json({ advisories: items.map(presentAdvisory), next })
}

async function add(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const input = await readJson(call, NewAdvisory)
  return json({ advisory: presentAdvisory(await addAdvisory(call.ctx, { organization: organization.id, ...input })) }, 201)
}

async function show(call: Call): Promise<Response> {
  return json({ advisory: presentAdvisory(await getAdvisory(call.ctx, await keyOf(call))) })
}

async function change(call: Call): Promise<Response> {
  const key = await keyOf(call)
  const { isConfirmed, ...given } = await readJson(call, Change)
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  const advisory = await changeAdvisory(call.ctx, { ...key, change: Object.fromEntries(entries), isConfirmed })
  return json({ advisory: presentAdvisory(advisory) })
}

async function withdraw(call: Call): Promise<Response> {
  await withdrawAdvisory(call.ctx, await keyOf(call))
  return done()
}

async function keyOf(call: Call) {
  const { organization } = await enter(call)
  return { organization: organization.id, advisoryId: call.params['advisory'] ?? '' }
}

async function findings(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { limit, after } = readPage(call)
  const page = await listFindings(call.ctx, organization.id, { filter: readFilter(call), limit, before: after })
  return json({ findings: page.findings.map(presentFinding), next: page.next })
}

function readFilter({ query }: Call): FindingFilter {
  return {
    states: readList(query, 'state', States),
    kinds: readList(query, 'kind', Kinds),
    severities: readList(query, 'severity', Severities),
    packageName: query.get('package')?.toLowerCase() ?? null,
    isMirrored: query.has('mirrored') ? query.get('mirrored') === 'true' : null,
  }
}

/** A filter as it stands in a query, its values separated by commas. */
function readList<Item>(query: URLSearchParams, name: string, schema: z.ZodType<Item[]>): Item[] | null {
  const text = query.get(name)
  const parsed = text === null ? null : schema.safeParse(text.split(','))
  if (parsed?.success === false) {
    throw invalidInput(name, 'this is not one of the possible values')
  }
  return parsed?.data ?? null
}

async function showFinding(call: Call): Promise<Response> {
  return json({ finding: presentFinding(await findOne(call)) })
}

async function decide(call: Call): Promise<Response> {
  const finding = await findOne(call)
  await changeFinding(call.ctx, finding, await readJson(call, Decision))
  return json({ finding: presentFinding(await findOne(call)) })
}

async function findOne(call: Call): Promise<ListedFinding> {
  const { organization } = await enter(call)
  return getFinding(call.ctx, { organization: organization.id, uid: call.params['finding'] ?? '' })
}

async function overview(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const counts = await countFindings(call.ctx, organization.id)
  const health = await getFeedHealth(call.ctx)
  const fetchedAt = 'fetchedAt' in health ? presentInstant(health.fetchedAt) : null
  return json({ ...counts, advisories: { state: health.state, fetchedAt } })
}

async function scan(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await requestFindings(call.ctx, organization.id)
  return done()
}

function presentAdvisory(advisory: Advisory) {
  const { id: _, uid: __, organization, reportedAt, updatedAt, ...rest } = advisory
  const moments = { reportedAt: presentInstant(reportedAt), updatedAt: presentInstant(updatedAt) }
  return { ...rest, ...moments, isOwn: organization !== null }
}

function presentFinding(finding: ListedFinding) {
  const { id: _, uid, organization: __, package: ___, foundAt, changedAt, advisory, ...rest } = finding
  const { id: ____, ...told } = advisory
  return { id: uid, ...rest, foundAt: presentInstant(foundAt), changedAt: presentInstant(changedAt), advisory: told }
}
