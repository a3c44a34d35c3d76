import { requestFindings } from '../../../core/advisories/index.ts'
import type { Call } from '../../http/route.ts'
import { enter } from './entering.ts'
import { answer } from './errors.ts'

/** §11: compares the packages of an organization with all advisories, which answers the same while that waits already. */
export async function scan(call: Call): Promise<Response> {
  const organization = await enter(call, 'advisory.scan')
  await requestFindings(call.ctx, organization.id)
  return answer(200, { message: 'Security scan queued successfully' })
}
