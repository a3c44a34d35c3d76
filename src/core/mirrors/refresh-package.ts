import type { Ctx } from '../kernel/ctx.ts'
import { rememberAbsence } from './absences.ts'
import type { Mirror } from './mirror.ts'
import { findMirroredPackage, selectAbsences } from './mirrored-packages.sql.ts'
import { recordGone, type RecordedPackage } from './record-mirrored-package.ts'
import { recordTogether } from './record-together.ts'
import { fetchPackage } from './upstream/index.ts'

/** Bytes of one file about a package that a job reads; the largest public ones have some ten megabytes. */
export const LARGEST_DOCUMENT = 64 * 1024 * 1024

/** What asking about a package came to. `refused`: the name is reserved, or the package comes from elsewhere. */
export type RefreshedPackage =
  | { kind: 'recorded'; recorded: RecordedPackage }
  | { kind: 'unchanged' | 'gone' | 'absent' | 'refused' }

/**
 * Asks a mirror whose root file was read about one package, conditionally where it is known, and records what it says. A package that is known
 * and does not exist any more stays. Throws `upstream_failed`, `upstream_paused` and `source_too_large`.
 */
export async function refreshPackage(
  ctx: Ctx,
  mirror: Mirror,
  { name, maxBytes }: { name: string; maxBytes: number },
): Promise<RefreshedPackage> {
  const known = await findMirroredPackage(ctx.db, mirror.id, name)
  const answer = await fetchPackage(ctx, mirror, { name, known, maxBytes })
  switch (answer.kind) {
    case 'unchanged':
      return { kind: 'unchanged' }
    case 'absent':
      if (known !== null) {
        await noteGone(ctx, mirror, { name, wasGone: known.upstream === 'gone' })
        return { kind: 'gone' }
      }
      await rememberAbsence(ctx, { mirror, name }, (await selectAbsences(ctx.db, [mirror.id], name)).get(mirror.id))
      return { kind: 'absent' }
    case 'package': {
      const recorded = await recordTogether(ctx, { mirror, name, answer })
      return recorded === null ? { kind: 'refused' } : { kind: 'recorded', recorded }
    }
  }
}

async function noteGone(ctx: Ctx, mirror: Mirror, { name, wasGone }: { name: string; wasGone: boolean }): Promise<void> {
  if (!wasGone) {
    await ctx.transaction((tx) => recordGone(tx, mirror, name))
  }
}
