export type { CandidatePackage, CandidateVersion } from './candidate.ts'
export { deletePackagesOfSource } from './delete-packages.ts'
export { recordBuilt, selectBuiltDists, selectReferencedBlobs, selectUnbuilt, setDistFormat } from './dists.sql.ts'
export { getPackage, listPackages, type ListedPackage } from './list-packages.ts'
export { hashManifest, selectManifests, storeManifests } from './manifests.sql.ts'
export {
  countVersions,
  findDist,
  findDistByPrefix,
  findPackage,
  findPackageById,
  findVersionOfReference,
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
export { bumpAllPackages, bumpPackage, lockPackage, rememberReferences, selectPublished } from './publishing.sql.ts'
export { requestArchive } from './request-archive.ts'
