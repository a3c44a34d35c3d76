/** Publishing a tag or branch (contract gitlab.md §2.8). */
import { getSourceAudience } from '../../../core/catalog/index.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import { DomainError } from '../../../core/kernel/errors.ts'
import type { SourceId } from '../../../core/kernel/values.ts'
import { allowsJobsOf, authorizePublishing, publishRef } from '../../../core/sources/index.ts'
import { readBody } from '../../http/request-body.ts'
import { answer, InvalidParameter } from './errors.ts'
import type { Incoming } from './parts.ts'

const BODY_BYTES = 64 * 1024

/**
 * The parameters of a request from its query and its body, which may be a form in either coding or JSON; the body's come first. Throws
 * `InvalidParameter` for a body that is none of these.
 */
export async function readParameters({ request, signal }: Incoming, query: URLSearchParams): Promise<URLSearchParams> {
  const parameters = new URLSearchParams(query)
  if (request.body === null) {
    return parameters
  }
  const bytes = await readBody(request, { limit: BODY_BYTES, signal })
  for (const [name, value] of await parseBody(bytes, request.headers.get('content-type') ?? '')) {
    parameters.set(name, value)
  }
  return parameters
}

async function parseBody(bytes: Uint8Array, type: string): Promise<[string, string][]> {
  try {
    if (/^application\/json\b/i.test(type)) {
      const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
      return Object.entries((value ?? {}) as object).map(([name, member]) => [name, typeof member === 'string' ? member : ''])
    }
    if (/^multipart\/form-data\b/i.test(type)) {
      const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'Content-Type': type } }).formData()
      return [...form].map(([name, value]) => [name, typeof value === 'string' ? value : ''])
    }
    return [...new URLSearchParams(new TextDecoder('utf-8', { fatal: true }).decode(bytes))]
  } catch {
    throw new InvalidParameter('the request body cannot be read')
  }
}

/** Publishes what the parameters name. Parameters come before credentials, and those before the project (§2.0 rule 11). */
export async function publish(
  enter: () => Promise<Ctx>,
  { project, parameters }: { project: number | string; parameters: URLSearchParams },
): Promise<Response> {
  const tag = parameters.get('tag')
  const branch = parameters.get('branch')
  if (tag === null && branch === null) {
    throw new InvalidParameter('tag, branch are missing, exactly one parameter must be provided')
  }
  if (tag !== null && branch !== null) {
    throw new InvalidParameter('tag, branch are mutually exclusive')
  }
  const asked = await enter()
  requirePublishing(asked)
  const { source, actor } = await getSourceAudience(asked, project as SourceId | string, 'source')
  const ctx = { ...asked, actor }
  await requireAllowedJob(ctx, source.id)
  await authorizePublishing(ctx, source)
  const name = tag ?? branch ?? ''
  const kind = tag === null ? 'branch' : 'tag'
  if (name.trim() === '') {
    return answer(400, { message: '400 Bad request' })
  }
  if (!isRefName(name)) {
    return answer(400, { message: `The ${kind} refname is invalid` })
  }
  await publishRef(ctx, { source, ref: { kind, name } })
  return answer(201, { message: '201 Created' })
}

/** A token that may not publish anywhere is told so whatever it asks for; one of a job is told no more than that (§1.6). */
function requirePublishing({ actor }: Ctx): void {
  if (actor.kind !== 'token' || actor.scopes === null || actor.scopes.includes('package:write')) {
    return
  }
  throw actor.job === undefined
    ? new DomainError('scope_missing', { scope: 'package:write' })
    : new DomainError('forbidden', { action: 'publish' })
}

async function requireAllowedJob({ actor, db }: Ctx, source: SourceId): Promise<void> {
  if (actor.kind === 'token' && actor.job !== undefined && !(await allowsJobsOf(db, source, actor.job))) {
    throw new DomainError('forbidden', { action: 'publish' })
  }
}

/** What git takes for the name of a branch or tag (git-check-ref-format), besides names that say the kind once more. */
function isRefName(name: string): boolean {
  const isRefused =
    name === 'HEAD' ||
    name === '@' ||
    /^(?:-|\/|refs\/(?:heads|tags|remotes)\/)/.test(name) ||
    /(?:\/|\.)$/.test(name) ||
    /[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\//u.test(name)
  return !isRefused && name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'))
}
