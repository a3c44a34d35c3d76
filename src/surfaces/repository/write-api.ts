/**
 * Adding repositories and asking for syncs in the words of packagist.org (contract composer.md §7.9). A token that may write sources is a main
 * token there; one with the scope `source:sync` alone is a safe one. Tokens in addresses are refused (abuse 41).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { authenticate, requireAllowedAddress } from '../../core/access/index.ts'
import type { Actor } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError, invalidInput, isDomainError } from '../../core/kernel/errors.ts'
import type { JobId, OrganizationId } from '../../core/kernel/values.ts'
import { findOrganizationByPath } from '../../core/organizations/index.ts'
import { getPackage } from '../../core/packages/index.ts'
import {
  addSource,
  findSource,
  findSourcesByUrl,
  findSourcesOfPackage,
  getSyncJob,
  requestSync,
  setSourceUrl,
} from '../../core/sources/index.ts'
import { domainErrorResponse, STATUS } from '../http/errors.ts'
import { readSecret } from '../http/credentials.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call, type Route } from '../http/route.ts'
import { pathOf } from './repository-path.ts'
import { readRepositoryUrl } from './update-payload.ts'

const MAX_BODY = 1024 * 1024

/** Makes the context of somebody whose credential came in a body. */
export type EnterAs = (actor: Actor, call: Call) => Ctx

type Row = Pick<Route, 'method' | 'path' | 'clauses' | 'handle'>

/** The routes of the API, without the address of the repository before them. */
export function writeRows(enterAs: EnterAs): Row[] {
  const update = (call: Call) => answer(call, 403, () => updatePackage(call, enterAs))
  const clauses = ['CO-145']
  return [
    {
      method: 'POST',
      path: '/api/create-package',
      clauses,
      handle: (call) => answer(call, 406, () => createPackage(call, enterAs)),
    },
    {
      method: 'PUT',
      path: '/api/packages/:vendor/:name',
      clauses,
      handle: (call) => answer(call, 406, () => editPackage(call, enterAs)),
    },
    { method: 'POST', path: '/api/update-package', clauses, handle: update },
    { method: 'POST', path: '/api/github', clauses, handle: update },
    { method: 'POST', path: '/api/bitbucket', clauses, handle: update },
    { method: 'GET', path: '/jobs/:job', clauses: ['CO-147'], handle: showJob },
  ]
}

/** What was sent, by whom, to which organization. */
interface Entered {
  ctx: Ctx
  organization: OrganizationId
  body: Record<string, unknown>
  /** GitHub signed the body with the token. */
  isSigned: boolean
}

/** Tells failures as the API does: a missing or wrong token is `refused`, and so is what a form would find wrong. */
async function answer(call: Call, refused: 403 | 406, work: () => Promise<Response>): Promise<Response> {
  try {
    requireNoTokenInAddress(call)
    return await work()
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    return presentFailure(hideForeign(error), refused)
  }
}

/** Somebody else's organization does not exist. */
function hideForeign(error: DomainError): DomainError {
  const isForeign = error.code === 'foreign_organization' || error.code === 'not_member'
  return isForeign ? new DomainError('organization_not_found') : error
}

function presentFailure(error: DomainError, refused: 403 | 406): Response {
  switch (error.kind) {
    case 'unauthenticated':
      return privateJson({ status: 'error', message: 'Missing or invalid username/apiToken in request' }, refused)
    case 'forbidden':
      return privateJson({ status: 'error', message: error.message }, 403)
    case 'invalid':
    case 'conflict':
      return refused === 406
        ? privateJson({ status: 'error', message: { repository: error.message } }, 406)
        : privateJson({ status: 'error', message: error.message }, 406)
    case 'not_found':
      return privateJson({ status: 'error', message: error.message }, STATUS.not_found)
    default:
      return domainErrorResponse(error)
  }
}

function requireNoTokenInAddress({ query }: Call): void {
  if (query.has('apiToken')) {
    throw invalidInput('apiToken', 'tokens in addresses end up in logs; send it as a header or in the body, and replace this one')
  }
}

async function enter(call: Call, enterAs: EnterAs): Promise<Entered> {
  const { request, signal, params } = call
  const bytes = await readBody(request, { limit: MAX_BODY, signal })
  const body = readFields(request, bytes)
  const ctx = await findCtx(call, body, enterAs)
  const organization = await getOrganizationId(ctx, params)
  return { ctx, organization, body, isSigned: checkSignature(request, bytes) }
}

/** A delivery of GitHub that is signed must be signed with the token that it came with. */
function checkSignature({ headers }: Request, bytes: Uint8Array): boolean {
  const signature = headers.get('x-hub-signature-256')
  const secret = readSecret(headers.get('authorization'))
  if (signature === null || secret === null) {
    return false
  }
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`)
  const given = Buffer.from(signature)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new DomainError('hook_refused', { reason: 'the signature is not that of the token' })
  }
  return true
}

async function getOrganizationId(ctx: Ctx, params: Call['params']): Promise<OrganizationId> {
  if (ctx.actor.kind === 'anonymous') {
    throw new DomainError('unauthenticated')
  }
  const organization = await findOrganizationByPath(ctx.db, pathOf(params))
  if (organization === null) {
    throw new DomainError('organization_not_found')
  }
  return organization.id
}

/** JSON, a form with JSON in `payload`, or a plain form. */
function readFields({ headers }: Request, bytes: Uint8Array): Record<string, unknown> {
  const text = new TextDecoder().decode(bytes)
  if (/^application\/x-www-form-urlencoded\b/i.test(headers.get('content-type') ?? '')) {
    const form = new URLSearchParams(text)
    const payload = form.get('payload')
    return { ...Object.fromEntries(form), ...(payload === null ? {} : parseObject(payload)) }
  }
  return parseObject(text)
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    // Told below, like other shapes.
  }
  throw invalidInput('body', 'give a JSON object, or a form with one in "payload"')
}

/** The header wins; a token in the body is one as well. The user's name beside it says nothing that the token does not. */
async function findCtx(call: Call, body: Record<string, unknown>, enterAs: EnterAs): Promise<Ctx> {
  const secret = body['apiToken']
  if (call.actor.kind !== 'anonymous' || typeof secret !== 'string') {
    return call.ctx
  }
  const actor = await authenticate(call.ctx.db, secret, call.ctx.now)
  if (actor === null) {
    throw new DomainError('unauthenticated')
  }
  requireAllowedAddress(actor, call.address)
  return enterAs(actor, call)
}

async function createPackage(call: Call, enterAs: EnterAs): Promise<Response> {
  const { ctx, organization, body } = await enter(call, enterAs)
  const { job } = await addSource(ctx, { organization, url: requireUrl(body), credential: null })
  return privateJson({ status: 'success', job: String(job) }, 202)
}

async function editPackage(call: Call, enterAs: EnterAs): Promise<Response> {
  const { ctx, organization, body } = await enter(call, enterAs)
  const { package: target } = await getPackage(ctx, { organization, name: `${call.params['vendor']}/${call.params['name']}` })
  const source = await findSource(ctx.db, target.source)
  if (source === null) {
    throw new DomainError('package_not_found')
  }
  const job = await setSourceUrl(ctx, source, requireUrl(body))
  return privateJson({ status: 'success', job: String(job) })
}

function requireUrl(body: Record<string, unknown>): string {
  const repository = body['repository']
  const url = typeof repository === 'object' && repository !== null ? (repository as { url?: unknown }).url : repository
  if (typeof url !== 'string' || url.trim() === '') {
    throw invalidInput('repository', 'give the URL of the repository')
  }
  return url.trim()
}

async function updatePackage(call: Call, enterAs: EnterAs): Promise<Response> {
  const { ctx, organization, body, isSigned } = await enter(call, enterAs)
  const jobs = await requestSyncs(ctx, { call, organization, url: readRepositoryUrl(body) })
  if (jobs.length === 0) {
    throw new DomainError('source_not_found')
  }
  return privateJson({ status: 'success', jobs: jobs.map(String), type: isSigned ? 'github_user_secret' : 'manual' }, 202)
}

/** Of several who ask for the same at once, all get the job that waits already. */
async function requestSyncs(
  ctx: Ctx,
  { call, organization, url }: { call: Call; organization: OrganizationId; url: string },
): Promise<JobId[]> {
  const page = `${call.baseUrl}/${pathOf(call.params)}/packages/`
  const sources = url.startsWith(page)
    ? await findSourcesOfPackage(ctx, { organization, name: url.slice(page.length).replace(/(?:\.json|\/)$/, '') })
    : await findSourcesByUrl(ctx, { organization, url })
  const jobs: JobId[] = []
  for (const source of sources) {
    jobs.push(await requestSync(ctx, source))
  }
  return jobs
}

const STATES = { queued: 'running', running: 'running', succeeded: 'completed', failed: 'failed' } as const
const MESSAGES = {
  running: 'The repository is being read.',
  completed: 'The repository was read.',
  failed: 'The repository could not be read.',
} as const

/** How a sync that somebody asked for stands (CO-147). */
async function showJob({ ctx, params }: Call): Promise<Response> {
  try {
    const organization = await getOrganizationId(ctx, params)
    const id = /^\d{1,15}$/.test(params['job'] ?? '') ? Number(params['job']) : 0
    const job = await getSyncJob(ctx, { organization, job: id as JobId })
    const status = STATES[job.state]
    return privateJson({ status, message: MESSAGES[status], ...(job.error === null ? {} : { details: job.error }) })
  } catch (error) {
    throw isDomainError(error) ? hideForeign(error) : error
  }
}
