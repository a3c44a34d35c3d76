import { getFeedHealth } from '../../core/advisories/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { toMoment } from '../texts.ts'
import { fine, warning, type Finding } from './check.ts'

const ADVICE =
  'See "repertoire advisory feeds" for the problem; without a way out set REPERTOIRE_ADVISORY_FEED=off and import files.'

/** Whether security advisories are young enough for the registry to say that a package has none. */
export async function checkAdvisories(ctx: Ctx): Promise<Finding> {
  const health = await getFeedHealth(ctx)
  switch (health.state) {
    case 'off':
      return fine('advisories', 'No feed of security advisories is asked.')
    case 'fresh':
      return fine('advisories', `The last good answer came at ${toMoment(health.fetchedAt)}.`)
    case 'stale':
      return warning('advisories', `The last good answer came at ${toMoment(health.fetchedAt)}; clients are warned.`, ADVICE)
    case 'never':
      return warning('advisories', 'The feed has not answered yet; clients are warned.', ADVICE)
  }
}
