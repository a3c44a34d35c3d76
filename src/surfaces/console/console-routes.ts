import type { Route } from '../http/route.ts'
import { accountRoutes } from './account-routes.ts'
import { advisoryRoutes } from './advisory-routes.ts'
import { guardRoutes, type ConsoleSetUp } from './console-route.ts'
import { invitationRoutes } from './invitation-routes.ts'
import { lockRoutes } from './lock-routes.ts'
import { mirrorRoutes } from './mirror-routes.ts'
import { organizationRoutes } from './organization-routes.ts'
import { packageRoutes } from './package-routes.ts'
import { pageRoutes } from './pages.ts'
import { safetyRoutes } from './safety-routes.ts'
import { setupRoutes } from './setup-routes.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { teamRoutes } from './team-routes.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'

/** Everything below `/app`, guarded as one, and the page of the first start, which has a guard of its own. */
export function consoleRoutes(setUp: ConsoleSetUp): Route[] {
  const guarded = [
    ...pageRoutes(),
    ...signInRoutes(),
    ...accountRoutes(),
    ...tokenRoutes(),
    ...userRoutes(),
    ...organizationRoutes(),
    ...teamRoutes(),
    ...invitationRoutes(),
    ...packageRoutes(),
    ...mirrorRoutes(),
    ...lockRoutes(),
    ...advisoryRoutes(),
    ...safetyRoutes(),
  ]
  return [...setupRoutes(setUp.ctxFor), ...guardRoutes(guarded, setUp)]
}
