import { compareVersions, type VersionManifest } from '../../composer/index.ts'

/** What of a version decides what it may do on install. */
export interface JudgedVersion {
  version: string
  normalized: string
  type: string
  stability: string
  manifest: Pick<VersionManifest, 'autoload'>
}

const PLUGIN = 'composer-plugin'

/**
 * Why a version deserves a look before it is installed anywhere, or null (abuse case 36): it became a plugin, which runs inside Composer, although
 * the version before it was none; or it is a patch release that brings files that are run with every request, where the version before it had
 * none. `before` is what was published under the same version, else the highest lower version.
 */
export function findSuspicion(before: JudgedVersion | null, offered: JudgedVersion): string | null {
  if (before === null) {
    return null
  }
  if (offered.type === PLUGIN && before.type !== PLUGIN) {
    return `${offered.version} is a ${PLUGIN}, but ${before.version} is a ${before.type}`
  }
  const isPatch = before.normalized === offered.normalized || isSameMinor(before.normalized, offered.normalized)
  const added = filesOf(offered).filter((file) => !filesOf(before).includes(file))
  if (isPatch && added.length > 0) {
    return `${offered.version} adds ${added.slice(0, 3).join(', ')} to autoload.files, which ${before.version} does not have`
  }
  return null
}

/** The highest of these versions that is lower than the offered one: a release for a release; null when there is none. */
export function findPredecessor<Version extends { normalized: string; stability: string }>(
  versions: readonly Version[],
  offered: { normalized: string; stability: string },
): Version | null {
  let highest: Version | null = null
  for (const version of versions) {
    const isComparable = version.stability !== 'dev' && compareVersions(version.normalized, offered.normalized) < 0
    if (isComparable && (highest === null || compareVersions(version.normalized, highest.normalized) > 0)) {
      highest = version
    }
  }
  return highest
}

function isSameMinor(left: string, right: string): boolean {
  const [major, minor] = left.split('.')
  const [otherMajor, otherMinor] = right.split('.')
  return major === otherMajor && minor === otherMinor
}

function filesOf({ manifest }: JudgedVersion): string[] {
  const files: unknown = manifest.autoload?.['files']
  return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : []
}
