import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Organization } from '../organizations/index.ts'
import { findReadmeOfVersion } from '../sources/index.ts'
import { getPackageForPeople } from './browse-packages.ts'

/** The README of a version as it is in the repository: Markdown or plain text of foreign origin, at most 512 KiB; null where there is none. */
export interface Readme {
  package: string
  version: string
  text: string | null
}

/**
 * The README of a version of a package (PR-608); without a version that of the newest release, else of the newest development version. Whoever
 * may read the package may read it. Throws `package_not_found`, `version_not_found`.
 */
export async function getReadme(
  ctx: Ctx,
  { organization, name, version }: { organization: Organization; name: string; version: string | null },
): Promise<Readme> {
  const { package: found, versions } = await getPackageForPeople(ctx, { organization, wanted: { name } })
  const chosen = version === null ? versions[0] : versions.find((one) => one.version === version || one.normalized === version)
  if (chosen === undefined) {
    throw new DomainError('version_not_found')
  }
  return { package: found.name, version: chosen.version, text: (await findReadmeOfVersion(ctx.db, chosen.id))?.text ?? null }
}
