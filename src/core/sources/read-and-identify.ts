import type { Ctx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import { identifyChildren } from './identify-children.ts'
import { identifyVersions } from './identify-versions.ts'
import { parseManifestGlobs } from './manifest-globs.ts'
import { readChildren } from './read-children.ts'
import { readReadmes } from './read-readmes.ts'
import { readRefs, toUnusableRefs, type ReadRef } from './read-refs.ts'
import type { Reading } from './record-refs.ts'

/** Reads what is new and decides what versions it is, from one manifest at the top or from those that the source's patterns find. */
export async function readAndIdentify(
  ctx: Ctx,
  report: JobReport,
  { source, listed, known }: Pick<Reading, 'source' | 'listed' | 'known'>,
): Promise<Pick<Reading, 'refs' | 'identified' | 'children' | 'readmes'>> {
  const { defaultBranch } = listed
  const globs = parseManifestGlobs(source)
  const unusable = toUnusableRefs(listed.unusable)
  if (globs === null) {
    const refs = [...(await readRefs(ctx, report, { mirror: source.uid, refs: listed.refs, known })), ...unusable]
    const readmes = await readReadmes(ctx, report, { source, refs, defaultBranch })
    await report.step('identify')
    const identified = await identifyVersions(ctx, { refs, defaultBranch, rules: source.refRules })
    return { refs, identified, children: null, readmes }
  }
  const reading = await readChildren(ctx, report, { source, refs: listed.refs, globs })
  const refs = [...listed.refs.map((ref): ReadRef => ({ ...ref, manifest: { state: 'absent' } })), ...unusable]
  await report.step('identify')
  const identified = await identifyChildren(ctx, { refs, reading, defaultBranch })
  // The file at the top is about none of the packages; what was read of it before is forgotten.
  const readmes = await readReadmes(ctx, report, { source, refs: [], defaultBranch })
  return { refs, identified, children: { reading, identified }, readmes }
}
