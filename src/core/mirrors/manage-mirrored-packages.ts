import { authorize, authorizeForPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { findPackage } from '../packages/index.ts'
import { allowsName, isPackageName } from './mirror-rules.ts'
import type { Mirror } from './mirror.ts'
import { selectMirroredPackages, type MirroredPackage } from './mirrored-packages.sql.ts'
import { requireEnabled } from './manage-mirrors.ts'
import { findReservation } from './protect-names.ts'
import { enqueueFetch } from './refresh-jobs.ts'

const MOST_NAMES = 500

/**
 * Asks for packages to be mirrored; each by a job of its own, which may have been waiting already. Whoever may add packages may, but where the mirror
 * is for admins only those. Throws `mirror_disabled`, `invalid_input` for a name that the mirror's rules do not let in, `package_taken`, `package_reserved`.
 */
export async function addMirroredPackages(
  ctx: Ctx,
  mirror: Mirror,
  names: readonly string[],
): Promise<{ name: string; job: JobId }[]> {
  const { organization, id: source } = mirror
  const wanted = [...new Set(names.map((name) => name.trim().toLowerCase()))].toSorted()
  await authorizeUse(ctx, mirror, wanted)
  requireEnabled(mirror)
  if (wanted.length === 0 || wanted.length > MOST_NAMES) {
    throw invalidInput('packages', `give 1 to ${MOST_NAMES} names`)
  }
  for (const name of wanted) {
    await requireMirrorable(ctx, mirror, name)
  }
  return ctx.transaction(async (tx) => {
    const jobs: { name: string; job: JobId }[] = []
    for (const name of wanted) {
      jobs.push({ name, job: await enqueueFetch(tx, mirror, { name, lane: 'interactive' }) })
    }
    await tx.record({ type: 'mirror.packages-requested', organization, source, names: wanted })
    return jobs
  })
}

async function authorizeUse(ctx: Ctx, { organization, behavior }: Mirror, names: readonly string[]): Promise<void> {
  if (behavior === 'manual_admin') {
    return authorize(ctx, 'mirror.change', organization)
  }
  await authorizeForPackage(ctx, 'mirror.use', { organization, name: null })
  for (const name of names.slice(0, MOST_NAMES)) {
    await authorizeForPackage(ctx, 'mirror.use', { organization, name })
  }
}

async function requireMirrorable(ctx: Ctx, mirror: Mirror, name: string): Promise<void> {
  if (!isPackageName(name)) {
    throw invalidInput('packages', `"${name}" is not the name of a package`)
  }
  if (!allowsName(mirror, name)) {
    throw invalidInput('packages', `the rules of the mirror ${mirror.name} do not let ${name} in`)
  }
  const existing = await findPackage(ctx.db, mirror.organization, name)
  if (existing !== null && existing.source !== mirror.id) {
    throw new DomainError('package_taken', { name })
  }
  const pattern = await findReservation(ctx.db, mirror.organization, name)
  if (pattern !== null) {
    throw new DomainError('package_reserved', { name, pattern })
  }
}

/** The packages of a mirror by name, after a name. */
export async function listMirroredPackages(
  ctx: Ctx,
  mirror: Mirror,
  page: { after: string; limit: number },
): Promise<MirroredPackage[]> {
  await authorize(ctx, 'mirror.list', mirror.organization)
  return selectMirroredPackages(ctx.db, mirror.id, page)
}
