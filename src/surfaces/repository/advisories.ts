/**
 * The API of security advisories in the words of its two clients. Composer posts a form, or gets with a query: wrong input is 400, and names that are
 * known and have no advisories have an empty list (contract composer.md §7.6). Pricore's clients post JSON, or use the documented form of the
 * repository: wrong input is 422, and names without advisories are left out (contract pricore.md §4.6).
 */
import { findAdvisories, findAdvisoriesSince, toMessageKeys, type FoundAdvisories } from '../../core/catalog/index.ts'
import type { Advisory } from '../../core/advisories/index.ts'
import { DomainError, invalidInput, isDomainError } from '../../core/kernel/errors.ts'
import type { Instant } from '../../core/kernel/values.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call } from '../http/route.ts'
import { readParameterList, toPackageNames } from './package-names.ts'
import { plainJson } from './refusal.ts'
import type { RepositoryAddress } from './repository-path.ts'
import { getRepositoryAudience } from './resolve-answer.ts'

const BODY_BYTES = 2 * 1024 * 1024
const MAX_NAMES = 10_000
/** How far the clock of a client may be ahead, in milliseconds. */
const MAX_AHEAD = 60_000

/** Answers `POST` and `GET` of the API. */
export async function tellAdvisories(call: Call, address: RepositoryAddress): Promise<Response> {
  const audience = await findAudienceOf(call, address)
  const isJson = /^application\/json\b/i.test(call.request.headers.get('content-type') ?? '')
  if (address.form === 'documented' || (isJson && call.request.method === 'POST')) {
    return tellDocumented(call, audience, isJson)
  }
  const fields = call.request.method === 'POST' ? await readForm(call) : call.query
  const names = readParameterList(fields, 'packages') ?? readParameterList(call.query, 'packages')
  const since = readSince(call)
  if (names !== null && since !== null) {
    throw invalidInput('updatedSince', 'give either packages or updatedSince')
  }
  if (names !== null) {
    requireFew(names)
    return privateJson(presentFound(await findAdvisories(call.ctx, audience, toPackageNames(names))))
  }
  if (since === null) {
    throw invalidInput('packages', 'give the names of packages, or updatedSince')
  }
  return privateJson(presentFound(await findAdvisoriesSince(call.ctx, audience, since)))
}

type AudienceOf = Awaited<ReturnType<typeof getRepositoryAudience>>

/** In the documented form an organization that does not exist is 401 here, other than elsewhere (PR-008). */
async function findAudienceOf(call: Call, address: RepositoryAddress): Promise<AudienceOf> {
  try {
    return await getRepositoryAudience(call.ctx, address)
  } catch (error) {
    throw address.form === 'documented' && isDomainError(error, 'organization_not_found')
      ? new DomainError('unauthenticated')
      : error
  }
}

async function readForm({ request, signal }: Call): Promise<URLSearchParams> {
  return new URLSearchParams(new TextDecoder().decode(await readBody(request, { limit: BODY_BYTES, signal })))
}

function readSince({ query, ctx }: Call): Instant | null {
  const text = query.get('updatedSince')
  if (text === null) {
    return null
  }
  const since = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : Number.NaN
  if (Number.isNaN(since) || since > ctx.now + MAX_AHEAD) {
    throw invalidInput('updatedSince', 'give a time in seconds since 1970 that is not in the future')
  }
  return since
}

function requireFew(names: readonly string[]): void {
  if (names.length > MAX_NAMES) {
    throw invalidInput('packages', `give at most ${MAX_NAMES} names`)
  }
}

function presentFound({ advisories, without, notice }: FoundAdvisories): Record<string, unknown> {
  const found = [...advisories].map(([name, some]) => [name, some.map(presentAdvisory)] as const)
  return {
    advisories: Object.fromEntries([...found, ...without.map((name) => [name, []] as const)]),
    // The root file says so, too, but clients look at a copy of it for ten minutes.
    ...(notice?.kind === 'warning' ? toMessageKeys([notice]) : {}),
  }
}

function presentAdvisory(advisory: Advisory): Record<string, unknown> {
  const [first] = advisory.sources
  return { ...toCommonFields(advisory), severity: advisory.severity, remoteId: first?.remoteId, source: first?.name }
}

function toCommonFields(advisory: Advisory): Record<string, unknown> {
  const { advisoryId, packageName, affectedVersions, title, link, cve, sources, reportedAt, composerRepository } = advisory
  return {
    advisoryId,
    packageName,
    affectedVersions,
    title,
    link,
    cve,
    sources,
    reportedAt: new Date(reportedAt).toISOString().replace(/\.\d+Z$/, '+00:00'),
    composerRepository,
  }
}

async function tellDocumented(call: Call, audience: AudienceOf, isJson: boolean): Promise<Response> {
  const packages = isJson ? await readJsonPackages(call) : readFormList(await readForm(call))
  if (packages === undefined) {
    return plainJson(400, { message: 'The body is no JSON.' })
  }
  const problems = findProblems(packages)
  const [first, ...others] = problems
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more error${others.length === 1 ? '' : 's'})`
    const errors = Object.fromEntries(problems.map(([field, text]) => [field, [text]]))
    return plainJson(422, { message: `${first[1]}${more}`, errors })
  }
  const { advisories } = await findAdvisories(call.ctx, audience, toPackageNames(packages as string[]))
  const found = [...advisories].map(([name, some]) => [name, some.map(presentDocumented)] as const)
  return privateJson({ advisories: Object.fromEntries(found) })
}

/** Its vocabulary has no severity that is none at all. */
function presentDocumented(advisory: Advisory): Record<string, unknown> {
  const { severity } = advisory
  return { ...toCommonFields(advisory), severity: severity === null || severity === 'none' ? 'unknown' : severity }
}

/** The field `packages`, null without one; undefined when the body is no JSON. */
async function readJsonPackages({ request, signal }: Call): Promise<unknown> {
  const text = new TextDecoder().decode(await readBody(request, { limit: BODY_BYTES, signal }))
  try {
    const body: unknown = JSON.parse(text)
    const isRecord = typeof body === 'object' && body !== null && 'packages' in body
    return isRecord ? body.packages : null
  } catch {
    return undefined
  }
}

function readFormList(form: URLSearchParams): unknown {
  try {
    return readParameterList(form, 'packages')
  } catch {
    return 'no list'
  }
}

/** What is wrong with `packages`, in the words of contract pricore.md §3.1. An empty list is present, and a list. */
function findProblems(packages: unknown): [field: string, text: string][] {
  if (packages === null) {
    return [['packages', 'The packages field must be present.']]
  }
  if (!Array.isArray(packages)) {
    return [['packages', 'The packages field must be an array.']]
  }
  if (packages.length > MAX_NAMES) {
    return [['packages', `The packages field must not have more than ${MAX_NAMES} items.`]]
  }
  return packages.flatMap((value: unknown, index): [string, string][] =>
    typeof value === 'string' ? [] : [[`packages.${index}`, `The packages.${index} field must be a string.`]],
  )
}
