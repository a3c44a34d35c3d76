import type { UpstreamVersion } from '../../composer/index.ts'
import type { Tx } from '../kernel/ctx.ts'
import type { selectPublished } from '../packages/index.ts'
import { recordIncident } from './incidents.ts'
import { findIncident } from './incidents.sql.ts'
import { selectManifestTexts } from './manifest-texts.sql.ts'
import type { Mirror } from './mirror.ts'
import { findPredecessor, findSuspicion, type JudgedVersion } from './suspicion.ts'

type PublishedVersion = Awaited<ReturnType<typeof selectPublished>>[number]

interface Judging {
  mirror: Mirror
  name: string
  published: readonly PublishedVersion[]
  offered: readonly UpstreamVersion[]
}

/**
 * The versions that are published of those that an upstream offers: all of them, unless the mirror holds back what deserves a look (abuse case
 * 36). Either way such versions are incidents; one that was dismissed lets its version pass. The versions that a package begins with are not judged.
 */
export async function sortOutSuspects(tx: Tx, judging: Judging): Promise<readonly UpstreamVersion[]> {
  const { mirror, name, published, offered } = judging
  const changed = published.length === 0 ? [] : offered.filter((version) => isNews(published, version))
  const held = new Set<UpstreamVersion>()
  const texts = await selectManifestTexts(tx.db, neededHashes(published, changed))
  for (const version of changed) {
    const before = beforeOf(published, version)
    const detail = findSuspicion(before === null ? null : toJudged(before, texts), version)
    if (detail === null) {
      continue
    }
    const subject = `${name} ${version.version}`
    const known = await findIncident(tx.db, mirror.id, { kind: 'suspect', subject })
    const isDismissed = known !== null && known.dismissedAt !== null && known.detail === detail
    if (!isDismissed) {
      await recordIncident(tx, { organization: mirror.organization, source: mirror.id, kind: 'suspect', subject, detail })
    }
    if (mirror.holdsSuspects && !isDismissed) {
      held.add(version)
    }
  }
  return offered.filter((version) => !held.has(version))
}

/** Branches change all the time, and nobody installs them by accident. */
function isNews(published: readonly PublishedVersion[], version: UpstreamVersion): boolean {
  const same = published.find(({ normalized }) => normalized === version.normalized)
  return version.stability !== 'dev' && (same === undefined || same.reference !== version.reference || same.type !== version.type)
}

function beforeOf(published: readonly PublishedVersion[], version: UpstreamVersion): PublishedVersion | null {
  const same = published.find(({ normalized }) => normalized === version.normalized)
  return same ?? findPredecessor(published, version)
}

function neededHashes(published: readonly PublishedVersion[], changed: readonly UpstreamVersion[]): string[] {
  return [...new Set(changed.flatMap((version) => beforeOf(published, version)?.manifestSha256 ?? []))]
}

function toJudged(before: PublishedVersion, texts: ReadonlyMap<string, string>): JudgedVersion {
  const { version, normalized, type, stability } = before
  const manifest = JSON.parse(texts.get(before.manifestSha256) ?? '{}') as JudgedVersion['manifest']
  return { version, normalized, type, stability, manifest }
}
