import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { parseSourceUrl } from '../kernel/source-url.ts'
import { toSeconds, type JobId } from '../kernel/values.ts'
import { bumpPackagesOfSource } from '../packages/index.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { originOf } from './source-health.ts'
import { findSource, lockSource, updateSourceUrl, type Source } from './sources.sql.ts'

/**
 * Gives a git repository another address and enqueues a sync from there; a sync that runs already does not record any more. What was published and
 * its archives stay until the sync says otherwise. A credential goes with it on the same host alone. Throws `invalid_url`,
 * `invalid_input`, `credential_origin`, `source_exists`, `source_not_found`.
 */
export async function setSourceUrl(ctx: Ctx, source: Source, text: string): Promise<JobId> {
  const { id, organization } = source
  await authorizeSource(ctx, 'source.configure', source)
  if (source.kind !== 'vcs' || source.vcs !== 'git') {
    throw invalidInput('source', 'only a git repository can move')
  }
  const url = parseSourceUrl(text, 'git', ctx.sourceUrls)
  return ctx.transaction(async (tx) => {
    const current = (await lockSource(tx.db, id)) ? await findSource(tx.db, id) : null
    if (current === null) {
      throw new DomainError('source_not_found')
    }
    const origin = originOf(current)
    if (current.credential !== null && url.origin !== origin) {
      throw new DomainError('credential_origin', { origin })
    }
    if (!(await updateSourceUrl(tx.db, current, url.canonical))) {
      throw new DomainError('source_exists')
    }
    await bumpPackagesOfSource(tx.db, id, toSeconds(tx.now))
    await tx.record({ type: 'source.url-changed', organization, source: id, from: current.url, to: url.canonical })
    return enqueueSync(tx, current, 'interactive')
  })
}
