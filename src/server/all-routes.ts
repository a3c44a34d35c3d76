import manifest from '../../package.json'
import type { App } from '../compose.ts'
import type { UsageBuffer } from '../core/statistics/index.ts'
import { guardRoutes, type ConsoleSetUp } from '../surfaces/console/console-route.ts'
import { consoleRoutes } from '../surfaces/console/console-routes.ts'
import { pricoreRoutes } from '../surfaces/dialects/pricore/index.ts'
import type { Route } from '../surfaces/http/route.ts'
import { inboundRoutes } from '../surfaces/inbound/routes.ts'
import { docsRoutes } from '../surfaces/ops/docs-routes.ts'
import { opsRoutes, type OpsParts } from '../surfaces/ops/routes.ts'
import { deriveRealtimeKey } from '../surfaces/realtime/channel-grant.ts'
import { realtimeRoutes } from '../surfaces/realtime/routes.ts'
import { repositoryRoutes } from '../surfaces/repository/routes.ts'
import { IsolatedReadmes } from './readme-renderer.ts'

/** What the routes of all surfaces are made of. */
export interface RouteParts {
  app: App
  ops: OpsParts
  usage: UsageBuffer
}

/** The routes of a process that serves, or of one that only runs jobs. */
export function listRoutes(serving: 'all' | 'ops', parts: RouteParts): Route[] {
  return serving === 'ops' ? opsRoutes(parts.ops) : allRoutes(parts)
}

/** The routes of all surfaces. Where two match, the earlier one answers: those below an organization's slug come last. */
function allRoutes({ app, ops, usage }: RouteParts): Route[] {
  const setUp: ConsoleSetUp = { ctxFor: (actor, call) => app.ctx(actor, call.origin), write: app.ports.database.write }
  const routes: Route[] = [
    ...opsRoutes(ops),
    ...docsRoutes({ routes: () => routes, version: manifest.version }),
    ...consoleRoutes(setUp),
    ...realtimeRoutes({ realtime: deriveRealtimeKey(app.ports.secrets), guard: (guarded) => guardRoutes(guarded, setUp) }),
    ...inboundRoutes(),
    ...pricoreRoutes(),
    ...repositoryRoutes({ usage, readmes: new IsolatedReadmes(), enterAs: (actor, call) => app.ctx(actor, call.origin) }),
  ]
  return routes
}
