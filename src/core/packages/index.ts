export {
  selectBrowsed,
  selectBrowsedVersions,
  selectNamesBySource,
  selectNamesByUid,
  selectNamesContaining,
  type BrowsedPackage,
  type BrowsedVersion,
} from './browsing.sql.ts'
export type { CandidatePackage, CandidateVersion } from './candidate.ts'
export { deletePackageIn, deletePackagesOfSource } from './delete-packages.ts'
export {
  recordBuilt,
  retireDists,
  selectArchivedVersions,
  selectBuiltDists,
  selectReferencedBlobs,
  selectUnbuilt,
  setDistFormat,
} from './dists.sql.ts'
export { getPackage, listPackages, type ListedPackage } from './list-packages.ts'
export { findDescribing, indexNames } from './indexed-names.sql.ts'
export {
  installedKey,
  selectInstalled,
  selectPackagesById,
  type InstalledVersion,
  type KnownInstalled,
} from './locked-versions.sql.ts'
export { hashManifest, selectManifests, storeManifests } from './manifests.sql.ts'
export {
  countVersions,
  findDist,
  findDistByPrefix,
  findPackage,
  findPackageById,
  findVersionOfReference,
  hasReleaseAt,
  hasVersionOfRef,
  selectAllPackages,
  selectPackageIds,
  selectVersions,
  selectVersionsOfReference,
  type Dist,
  type Package,
  type VersionRow,
} from './package-reading.sql.ts'
export { publishMirrored, publishPackages, type Publication, type PublishPackages } from './publish-packages.ts'
export type { ChangePolicy } from './police.ts'
export {
  findSameVersion,
  publishVersion,
  withdrawVersion,
  type PublishVersion,
  type VersionPublication,
} from './publish-version.ts'
export {
  bumpAllPackages,
  bumpPackage,
  bumpPackagesNamed,
  bumpPackagesOf,
  bumpPackagesOfSource,
  deleteVersionRow,
  hasVersions,
  lockPackage,
  rememberReferences,
  selectPackagesOfSource,
  selectPublished,
  writeAbandoned,
} from './publishing.sql.ts'
export { setAbandoned, type SetAbandoned } from './set-abandoned.ts'
export { addTeamPackages, listTeamPackages, removeTeamPackages, type TeamPackages } from './team-packages.ts'
export { requestArchive } from './request-archive.ts'
