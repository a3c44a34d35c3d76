/** Filter lists as Composer 2.10 asks for them (contract composer.md §1.7). */
import { z } from 'zod'
import { findFilterEntries, summarizeFilters, viewModifiedAt } from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { toSeconds } from '../../core/kernel/values.ts'
import { toHttpDate } from '../http/http-date.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call } from '../http/route.ts'
import { toPackageNames } from './package-names.ts'
import type { RepositoryAddress } from './repository-path.ts'
import { getRepositoryAudience } from './resolve-answer.ts'

const BODY_BYTES = 1024 * 1024
/** A project may have more than the hundreds that are normal, and an answer about a part of it would look like the whole. */
const MAX_NAMES = 5_000

const Query = z.object({
  packages: z.array(z.string()).max(MAX_NAMES),
  lists: z.array(z.string()).optional(),
})

/**
 * The constraints of all packages that are on a list. Its time is a label made of what it says: the same as long as that is the same, whoever is asked
 * and whatever changed besides.
 */
export async function summarize(call: Call, address: RepositoryAddress): Promise<Response> {
  const { ctx, request } = call
  const audience = await getRepositoryAudience(ctx, address)
  const response = privateJson({ filter: await summarizeFilters(ctx, audience) })
  const text = await response.text()
  const modifiedAt = viewModifiedAt(toSeconds(audience.organization.createdAt), text)
  const headers = new Headers(response.headers)
  headers.set('Last-Modified', toHttpDate(modifiedAt))
  if (request.headers.get('if-modified-since') === headers.get('last-modified')) {
    headers.delete('content-type')
    return new Response(null, { status: 304, headers })
  }
  return new Response(text, { headers })
}

/** What lists say about the packages that are asked for, by name or package URL. */
export async function queryFilters(call: Call, address: RepositoryAddress): Promise<Response> {
  const { ctx, request, signal } = call
  const audience = await getRepositoryAudience(ctx, address)
  const body = parseJson(new TextDecoder().decode(await readBody(request, { limit: BODY_BYTES, signal })))
  const query = Query.safeParse(body)
  if (!query.success) {
    throw invalidInput('packages', `give a JSON object with a list "packages" of at most ${MAX_NAMES} names, and perhaps "lists"`)
  }
  const { packages, lists = null } = query.data
  return privateJson({ filter: await findFilterEntries(ctx, audience, { names: toPackageNames(packages), lists }) })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
