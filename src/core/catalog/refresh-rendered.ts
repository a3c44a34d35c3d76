import { createHash } from 'node:crypto'
import { findSetting, putSetting } from '../instance/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { toSeconds } from '../kernel/values.ts'
import { bumpAllOrganizations } from '../organizations/index.ts'
import { bumpAllPackages } from '../packages/index.ts'
import { noteArchivesBuilt } from '../sources/index.ts'

/** Raised by each release that renders the same versions in another way. */
const DOCUMENT_FORMAT = 4

const SETTING = 'rendered_as'

/**
 * Moves the clock of every package and organization when documents come out differently from before without any change of
 * theirs: the public URL was changed, archives or the feed of advisories were switched on or off, or the release renders differently. Otherwise clients would be
 * confirmed in copies that point to the old address (CO-041). Called at the start of a server; returns whether anything moved.
 */
export async function refreshRendered(ctx: Ctx, publicUrl: string | null): Promise<boolean> {
  const form = `${ctx.archives.enabled ? '' : ' without archives'} advisories ${ctx.advisoryFeed}`
  const rendered = createHash('sha256').update(`${DOCUMENT_FORMAT} ${publicUrl}${form}`).digest('hex')
  if ((await findSetting(ctx.db, SETTING)) === rendered) {
    return false
  }
  await ctx.transaction(async (tx) => {
    await putSetting(tx.db, SETTING, rendered)
    await noteArchivesBuilt(tx.db, ctx.archives.enabled)
    await bumpAllOrganizations(tx.db, toSeconds(tx.now))
    await bumpAllPackages(tx.db, toSeconds(tx.now))
    await tx.record({ type: 'instance.address-changed', organization: null, url: publicUrl })
  })
  return true
}
