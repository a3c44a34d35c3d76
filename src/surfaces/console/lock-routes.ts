import { getAudience } from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { checkLock, getPrefetch, LOCK_SIZE_LIMIT, parseLockFile, prefetchLock } from '../../core/locks/index.ts'
import { organizationPath } from '../../core/organizations/index.ts'
import { readBody } from '../http/request-body.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, json } from './console-route.ts'
import { enter } from './organization-routes.ts'

const ALL = '/app/api/organizations/:organization/locks'

/** Lock files compared with the repository of an organization, and their archives got beforehand. */
export function lockRoutes(): Route[] {
  return [consoleRoute('POST', ALL, check), consoleRoute('GET', `${ALL}/:job`, show)]
}

async function enterRepository(call: Call) {
  const { organization } = await enter(call)
  const path = await organizationPath(call.ctx.db, organization)
  return { path, audience: await getAudience(call.ctx, path) }
}

/** The body is the lock file itself. */
async function check(call: Call): Promise<Response> {
  const { ctx, request, query, signal, baseUrl } = call
  const { path, audience } = await enterRepository(call)
  const prefetch = query.get('prefetch') ?? 'false'
  if (prefetch !== 'true' && prefetch !== 'false') {
    throw invalidInput('prefetch', 'give true or false')
  }
  const locked = parseLockFile(await readBody(request, { limit: LOCK_SIZE_LIMIT, signal }))
  const report = await checkLock(ctx, audience, { locked, repository: { path, baseUrl } })
  if (prefetch === 'false') {
    return json(report)
  }
  const { uid } = await prefetchLock(ctx, audience, locked)
  return json({ ...report, job: uid }, 202)
}

async function show(call: Call): Promise<Response> {
  const { audience } = await enterRepository(call)
  const { job, packages } = await getPrefetch(call.ctx, audience, call.params['job'] ?? '')
  const { state, progress } = job
  return json({
    state,
    progress: progress === null ? null : { done: progress.done, total: progress.total },
    packages,
  })
}
