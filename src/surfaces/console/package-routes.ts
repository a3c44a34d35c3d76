import { z } from 'zod'
import { setAbandoned } from '../../core/packages/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, json, readJson } from './console-route.ts'
import { enter } from './organization-routes.ts'

const Abandoned = z.strictObject({ abandoned: z.union([z.boolean(), z.string()]) })

/** What people say of packages. */
export function packageRoutes(): Route[] {
  return [consoleRoute('PUT', '/app/api/organizations/:organization/packages/:vendor/:package/abandoned', abandon)]
}

async function abandon(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { abandoned } = await readJson(call, Abandoned)
  const name = `${call.params['vendor']}/${call.params['package']}`
  const changed = await setAbandoned(call.ctx, { organization: organization.id, name, abandoned })
  return json({ package: { name: changed.name, abandoned: changed.abandoned } })
}
