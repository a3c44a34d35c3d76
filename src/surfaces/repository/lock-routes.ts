/** Lock files compared with a repository, and everything that they install got beforehand (docs/api/composer-repository.md). */
import { getAudience } from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { checkLock, getPrefetch, LOCK_SIZE_LIMIT, parseLockFile, prefetchLock, type Prefetch } from '../../core/locks/index.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call, type Route } from '../http/route.ts'
import { pathOf } from './repository-path.ts'

/** The routes below a repository. */
export function lockRows(): Omit<Route, 'surface'>[] {
  return [
    { method: 'POST', path: '/api/locks', clauses: [], limit: { rule: 'api' }, handle: postLock },
    { method: 'GET', path: '/api/locks/:job', clauses: [], limit: { rule: 'api' }, handle: getLockJob },
  ]
}

async function postLock(call: Call): Promise<Response> {
  const { ctx, request, query, baseUrl, signal } = call
  const path = pathOf(call.params)
  const audience = await getAudience(ctx, path)
  const isPrefetched = readFlag(query, 'prefetch')
  const locked = parseLockFile(await readBody(request, { limit: LOCK_SIZE_LIMIT, signal }))
  const report = await checkLock(ctx, audience, { locked, repository: { path, baseUrl } })
  if (!isPrefetched) {
    return privateJson(report)
  }
  const job = await prefetchLock(ctx, audience, locked)
  const prefetch = { id: job.uid, state: job.state, url: `${baseUrl}/${path}/api/locks/${job.uid}` }
  return privateJson({ ...report, prefetch }, 202)
}

function readFlag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name) ?? 'false'
  if (text !== 'true' && text !== 'false') {
    throw invalidInput(name, 'give true or false')
  }
  return text === 'true'
}

async function getLockJob(call: Call): Promise<Response> {
  const audience = await getAudience(call.ctx, pathOf(call.params))
  return privateJson(presentPrefetch(await getPrefetch(call.ctx, audience, call.params['job'] ?? '')))
}

function presentPrefetch({ job, packages }: Prefetch) {
  const { uid, state, progress } = job
  return {
    id: uid,
    state,
    progress: progress === null ? null : { done: progress.done, total: progress.total },
    packages,
  }
}
