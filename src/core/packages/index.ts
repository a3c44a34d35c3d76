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
export { hashManifest, selectManifests, storeManifests } from './manifests.sql.ts'
export {
  countVersions,
  findDist,
  findDistByPrefix,
  findPackage,
  findPackageById,
  findVersionOfReference,
  hasVersionOfRef,
  selectAllPackages,
  selectPackageIds,
  selectVersions,
  type Dist,
  type Package,
  type VersionRow,
} from './package-reading.sql.ts'
export { publishPackages, type Publication, type PublishPackages } from './publish-packages.ts'
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
  bumpPackagesOf,
  bumpPackagesOfSource,
  deleteVersionRow,
  hasVersions,
  lockPackage,
  rememberReferences,
  selectPackagesOfSource,
  selectPublished,
} from './publishing.sql.ts'
export { addTeamPackages, listTeamPackages, removeTeamPackages, type TeamPackages } from './team-packages.ts'
export { requestArchive } from './request-archive.ts'
