import type { Db } from '../kernel/schema.ts'
import type { Instant, PackageId } from '../kernel/values.ts'
import { selectCountable } from './counts.sql.ts'
import type { UsageBuffer } from './usage-buffer.ts'

/** What Composer 1 calls the version of a default branch in its notifications (contract composer.md §4.2). */
const DEFAULT_BRANCH_VERSION = '9999999-dev'

/** An install as a client reports it; `package` was found visible to the client before. */
export interface ReportedInstall {
  package: PackageId
  /** As the client says it, normalized or as it was tagged. */
  version: string
}

/**
 * Counts reported installs (contract composer.md §7.5, CO-139): of each package at most one per report, and only versions that the
 * package has or had. Returns how many were counted.
 */
export async function countInstalls(
  db: Db,
  buffer: UsageBuffer,
  input: { installs: readonly ReportedInstall[]; audience: string; at: Instant },
): Promise<number> {
  const wanted = new Map<PackageId, string>()
  for (const install of input.installs) {
    if (!wanted.has(install.package)) {
      wanted.set(install.package, install.version)
    }
  }
  let counted = 0
  const reported = { packages: [...wanted.keys()], versions: [...wanted.values()] }
  for (const version of await selectCountable(db, reported)) {
    const form = wanted.get(version.package)
    if (form === version.normalized || form === version.version || (form === DEFAULT_BRANCH_VERSION && version.isDefault)) {
      buffer.count({
        package: version.package,
        version: version.normalized,
        kind: 'install',
        audience: input.audience,
        at: input.at,
      })
      counted += 1
      wanted.delete(version.package)
    }
  }
  return counted
}
