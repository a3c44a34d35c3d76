import { compareVersions, guessArchiveFormat, type UpstreamVersion } from '../../composer/index.ts'
import { VCS_SYSTEMS } from '../kernel/source-url.ts'
import type { CandidatePackage, CandidateVersion } from '../packages/index.ts'
import type { CustomManifest } from '../sources/index.ts'
import type { OfferedDist } from './mirrored-dists.sql.ts'

/** The ref of versions that come from an upstream. */
export const MIRROR_REF = 'mirror'

/** The versions of a package (at least one) as they are published. Its highest release describes the package, else its default branch. */
export function toCandidatePackage(name: string, versions: readonly UpstreamVersion[]): CandidatePackage {
  const described = describing(versions)
  if (described === undefined) {
    return { name, type: 'library', description: '', abandoned: false, versions: [] }
  }
  return {
    name,
    type: described.type,
    description: described.manifest.description ?? '',
    abandoned: described.abandoned,
    versions: withOneDefault(versions.map(toCandidateVersion)),
  }
}

function describing(versions: readonly UpstreamVersion[]): UpstreamVersion | undefined {
  let highest: UpstreamVersion | undefined
  for (const version of versions) {
    if (
      version.stability === 'stable' &&
      (highest === undefined || compareVersions(version.normalized, highest.normalized) > 0)
    ) {
      highest = version
    }
  }
  return highest ?? versions.find((version) => version.isDefaultBranch) ?? versions[0]
}

function toCandidateVersion(offered: UpstreamVersion): CandidateVersion {
  const { dist, publishedTime } = offered
  const manifest: CustomManifest = {
    ...offered.manifest,
    origin: {
      source: toClonable(offered.source),
      hasDist: dist !== null,
      ...(publishedTime === null ? {} : { publishedTime }),
    },
  }
  return {
    version: offered.version,
    normalized: offered.normalized,
    type: offered.type,
    stability: offered.stability,
    ref: MIRROR_REF,
    reference: offered.reference,
    defaultBranch: offered.isDefaultBranch,
    manifest: JSON.stringify(manifest),
    time: offered.time,
  }
}

/** Where clients can clone the version, as far as it is in a system that the registry knows. */
function toClonable(source: UpstreamVersion['source']): CustomManifest['origin']['source'] {
  const type = VCS_SYSTEMS.find((system) => system === source?.type)
  return source === null || type === undefined ? null : { ...source, type }
}

/** A package has one default branch, whatever its upstream says. */
function withOneDefault(versions: CandidateVersion[]): CandidateVersion[] {
  const first = versions.findIndex((version) => version.defaultBranch)
  return versions.map((version, index) => ({ ...version, defaultBranch: index === first }))
}

/** Where the archives of these versions are, each reference once: several versions may be one commit. */
export function toOfferedDists(versions: readonly UpstreamVersion[]): OfferedDist[] {
  const dists = new Map<string, OfferedDist>()
  for (const { reference, dist } of versions) {
    if (dist !== null && !dists.has(reference)) {
      const { url, type, shasum } = dist
      dists.set(reference, { reference, url, type, shasum, format: guessArchiveFormat(dist) })
    }
  }
  return [...dists.values()]
}
