import { getAudience, listChanges, startFollowing } from '../../core/catalog/index.ts'
import { privateJson, type Call } from '../http/route.ts'
import { pathOf } from './repository-path.ts'

/** Ten-thousandths of a second since 1970, as far as they are safe integers. */
const TIMESTAMP = /^\d{1,15}$/

/**
 * The feed of changes (CO-141). Without a usable `since` it is refused with the timestamp from which somebody can begin to follow: that is how
 * clients ask for it.
 */
export async function changes({ ctx, params, query }: Call): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const since = query.get('since') ?? ''
  if (!TIMESTAMP.test(since)) {
    const timestamp = await startFollowing(ctx, audience)
    return privateJson(
      {
        status: 'error',
        error: 'Give "since", a timestamp in ten-thousandths of a second; begin with the one in this answer.',
        message: 'Give "since", a timestamp in ten-thousandths of a second; begin with the one in this answer.',
        timestamp,
      },
      400,
    )
  }
  return privateJson(await listChanges(ctx, audience, Number(since)))
}
