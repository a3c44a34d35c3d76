import { tryParseConstraint } from '../constraints.ts'
import type { PackageName } from '../names.ts'
import type { UsableManifest } from './load-manifest.ts'
import { LINK_KINDS } from './version-manifest.ts'

/** Why a manifest cannot be published under this name and version for what it says of itself (CO-121), or null. */
export function findSelfProblem(
  loaded: UsableManifest,
  { name, version }: { name: PackageName; version: string },
): string | null {
  const own = LINK_KINDS.find((kind) => Object.hasOwn(loaded.manifest[kind] ?? {}, name))
  if (own !== undefined) return `a package cannot set a ${own} on itself`
  const isVersionUnusable = loaded.hasSelfVersion && tryParseConstraint(version) === null
  return isVersionUnusable ? `self.version stands for ${version}, which is no constraint` : null
}
