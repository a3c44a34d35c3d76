export {
  type ExclusionRule,
  isExcluded,
  MAX_EXCLUSION_RULES,
  MAX_EXCLUSION_WILDCARDS,
  parseArchiveExclude,
  parseExportIgnore,
} from './archive-exclude.ts'
export { type BranchAlias, branchAlias, type BranchAliasInput, normalizeAliasTarget } from './branch-alias.ts'
export {
  compareForDisplay,
  compareVersions,
  type DisplayedVersion,
  isVersionRelated,
  type Operator,
  type Ordering,
  phpVersionCompare,
  rsortVersions,
  sortVersions,
} from './compare.ts'
export {
  type Bound,
  type Constraint,
  constraintsIntersect,
  InvalidConstraint,
  isUnbounded,
  lowerBound,
  matchesConstraint,
  matchesNothing,
  MAX_CONSTRAINT_LENGTH,
  parseConstraint,
  printConstraint,
  satisfies,
  tryParseConstraint,
  upperBound,
} from './constraints.ts'
export { expandVersions, isIdenticalJson, MINIFIED_MARKER, minifyVersions, type VersionData } from './minify.ts'
export {
  type DistUrlInput,
  expandDistUrl,
  expandMirrorUrl,
  expandSourceMirrorUrl,
  hexReference,
  pathSafeVersion,
  type SourceUrlInput,
} from './mirror-url.ts'
export {
  isPlatformPackage,
  linkNameProblem,
  MAX_PACKAGE_NAME_LENGTH,
  type PackageName,
  packageNameProblem,
  parsePackageName,
  RESERVED_NAME_PARTS,
} from './names.ts'
export { prefixZip } from './archive/prefix-zip.ts'
export { listJsonMembers, spliceJsonMembers } from './json-members.ts'
export { isPlainVersion, type NamedRef, plainVersion } from './plain-version.ts'
export {
  compareStability,
  isStabilityAcceptable,
  normalizeStability,
  parseStability,
  readRootRequirement,
  type RootRequirement,
  STABILITIES,
  type Stability,
  type StabilityLimits,
} from './stability.ts'
export {
  branchVersion,
  DEFAULT_BRANCH_ALIAS,
  InvalidVersion,
  isNumericBranch,
  MAX_VERSION_LENGTH,
  normalizeBranch,
  normalizeVersion,
  parseNumericAliasPrefix,
  shortenDevVersion,
  tryNormalizeVersion,
  type VersionPair,
} from './versions.ts'
export { IMPORT_DIFFERENCES, type ImportDifference } from './import/differences.ts'
export { type LoadedManifest, loadManifest, type UsableManifest } from './import/load-manifest.ts'
export { type ExpectedUpload, type IdentifiedUpload, identifyUpload, type UploadProblem } from './import/identify-upload.ts'
export { type SkipCode, versionKey } from './import/ref-version.ts'
export {
  type ImportedVersion,
  type ImportInput,
  importReferences,
  type ImportResult,
  type ManifestCache,
  type RefManifest,
  type RefRules,
  type SkippedRef,
  type SourceRef,
} from './import/references.ts'
export { LINK_KINDS, type LinkKind, type Links, type VersionManifest } from './import/version-manifest.ts'
export {
  type JsonObject,
  type JsonValue,
  MANIFEST_DEPTH_LIMIT,
  MANIFEST_SIZE_LIMIT,
  type ManifestProblem,
  readManifestJson,
  type ReadManifest,
} from './manifest/json.ts'
export { formatUnixTime } from './manifest/release-time.ts'
export { type ValidatedManifest, validateManifest } from './manifest/validate.ts'
export {
  type DescribedVersion,
  type MetadataContext,
  type MetadataOrigin,
  metadataVersion,
  sortForMetadata,
} from './metadata-version.ts'
export {
  type CustomDist,
  type CustomSource,
  type CustomVersion,
  DEFINITION_SIZE_LIMIT,
  DEFINITION_VERSION_LIMIT,
  readCustomDefinition,
  type ReadDefinition,
} from './custom-definition.ts'
export {
  type ChildManifest,
  type ChildRef,
  type ChildrenInput,
  describeSkipped,
  directoryOf,
  importChildren,
  type ImportedChild,
  type SkippedChild,
} from './monorepo/import-children.ts'
export { createManifestMatcher, findGlobProblems, type ManifestMatcher } from './monorepo/manifest-globs.ts'
export { createDeflateCache, type DeflateCache } from './archive/deflate-cache.ts'
export { packFiles } from './archive/pack-files.ts'
export { listSymlinkIds, selectFiles, toArchiveBase, type TreeFile } from './archive/select-files.ts'
export { writeZip } from './archive/zip-writer.ts'
export type { ArchiveBytes } from './archive/archive-bytes.ts'
export type { ArchiveRefusal, ArchiveRule } from './archive/archive-refusal.ts'
export type { ArchiveLimits } from './archive/archive-tree.ts'
export { ARCHIVE_FORMATS, type ArchiveFormat, readArchive, type ReadArchive } from './archive/read-archive.ts'
export { parseUpstreamRoot, type ReadUpstreamRoot, type UpstreamRootFile } from './upstream/parse-upstream-root.ts'
export { readUpstreamChanges, type ReadUpstreamChanges } from './upstream/read-upstream-changes.ts'
export {
  readUpstreamListing,
  type ReadUpstreamListing,
  toUpstreamBody,
  type UpstreamListing,
} from './upstream/read-upstream-listing.ts'
export {
  type ReadUpstreamVersions,
  readUpstreamVersions,
  type SkippedUpstreamVersion,
  type UpstreamVersionsInput,
} from './upstream/read-upstream-versions.ts'
export type { UpstreamFile, UpstreamProtocol, UpstreamRoot } from './upstream/upstream-root.ts'
export type { UpstreamDist, UpstreamVersion } from './upstream/upstream-version.ts'
export { guessArchiveFormat } from './archive/guess-format.ts'
