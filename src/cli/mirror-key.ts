import type { Ctx } from '../core/kernel/ctx.ts'
import { DomainError } from '../core/kernel/errors.ts'
import { listMirrors, type DescribedMirror } from '../core/mirrors/index.ts'
import { getOrganizationByPath } from '../core/organizations/index.ts'
import { usageFailure } from './failure.ts'

/** The mirror of an organization that somebody names. Throws `mirror_not_found`, and a usage failure for a name that several have. */
export async function getMirrorByKey(ctx: Ctx, path: string, key: string): Promise<DescribedMirror> {
  const { id } = await getOrganizationByPath(ctx, path)
  const mirrors = await listMirrors(ctx, id)
  const exact = mirrors.find(({ mirror }) => mirror.uid === key || mirror.url === key.replace(/\/+$/, ''))
  const named = exact === undefined ? mirrors.filter(({ mirror }) => mirror.name === key) : [exact]
  const [found, other] = named
  if (other !== undefined) {
    throw usageFailure(`Several mirrors are called ${key}; give a URL or uid.`)
  }
  if (found === undefined) {
    throw new DomainError('mirror_not_found')
  }
  return found
}
