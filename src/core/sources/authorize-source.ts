import { authorize, authorizeForPackage, authorizeForSource, type Action } from '../access/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { isDomainError } from '../kernel/errors.ts'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage, selectPackagesOfSource } from '../packages/index.ts'
import type { Source } from './sources.sql.ts'

/** As `authorize`, also for members whose teams have the packages of the source. */
export async function authorizeSource(ctx: Pick<Ctx, 'actor' | 'db'>, action: Action, source: Source): Promise<void> {
  const { organization, id } = source
  try {
    await authorize(ctx, action, organization)
  } catch (error) {
    if (!isDomainError(error, 'forbidden')) {
      throw error
    }
    const packages = (await selectPackagesOfSource(ctx.db, id)).map(({ name }) => name)
    await authorizeForSource(ctx, action, { organization, source: id, packages })
  }
}

/**
 * Lets an upload go on: to a package that exists by the right to change it, to a new one by the right to add packages. With `name` null, before
 * it is known, either will do. Returns whether the package is new; the transaction asks again for one that came into being meanwhile.
 */
export async function authorizeUpload(
  caller: { actor: Actor; db: Db },
  { organization, name }: { organization: OrganizationId; name: string | null },
): Promise<{ isNew: boolean }> {
  if (name !== null) {
    const isNew = (await findPackage(caller.db, organization, name)) === null
    await authorizeForPackage(caller, isNew ? 'package.add' : 'artifact.upload', { organization, name })
    return { isNew }
  }
  try {
    await authorizeForPackage(caller, 'artifact.upload', { organization, name })
  } catch (error) {
    if (!isDomainError(error, 'forbidden')) {
      throw error
    }
    await authorizeForPackage(caller, 'package.add', { organization, name })
  }
  return { isNew: false }
}
