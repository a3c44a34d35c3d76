import type { IdentifiedVersions } from './identify-versions.ts'

/** What is shown of a ref whose version somebody deleted. */
const SKIP = { code: 'withdrawn', reason: 'its version was deleted; publish it again to bring it back' }

/**
 * Takes the versions of refs whose versions were deleted out of what is to be published, and lists those refs as skipped. Returns whether any was
 * taken out.
 */
export function withdrawRefs(identified: IdentifiedVersions, withdrawn: ReadonlySet<string>): boolean {
  let isAny = false
  for (const candidate of identified.packages) {
    for (const { ref } of candidate.versions.filter((version) => withdrawn.has(version.ref))) {
      identified.skipped.set(ref, SKIP)
      isAny = true
    }
    candidate.versions = candidate.versions.filter((version) => !withdrawn.has(version.ref))
  }
  identified.packages = identified.packages.filter((candidate) => candidate.versions.length > 0)
  return isAny
}
