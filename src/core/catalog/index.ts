export { FULL_VIEW, getAudience, isNobody, openTo, sees, type Audience, type Origins } from './audience.ts'
export {
  browsePackages,
  findNamesByUid,
  getPackageForPeople,
  type ListedForPeople,
  type PackageForPeople,
} from './browse-packages.ts'
export { changeSlug } from './change-slug.ts'
export { getVisibleReadme, type VisibleReadme } from './get-visible-readme.ts'
export { getReadme, type Readme } from './get-readme.ts'
export { describePackage, type DescribedPackage } from './describe-package.ts'
export { findProviding, findVisiblePackages, getVisiblePackage } from './find-package.ts'
export {
  findSourceUrls,
  listCatalog,
  listProviders,
  listRequiring,
  searchCatalog,
  type CatalogEntry,
  type CatalogFilter,
  type SearchCatalog,
  type SearchResult,
} from './list-catalog.ts'
export {
  actorWithin,
  findFamilyPackages,
  getFamilyAudience,
  listFamilyPackages,
  readFamilyStamp,
  type FamilyAudience,
  type FamilyPackage,
} from './family.ts'
export { renderFamilyPackage, renderProviders, type FamilyDocumentRequest } from './family-documents.ts'
export { getSourceAudience, obtainPublishedDist, sourcePath, type SourceAudience } from './source-audience.ts'
export {
  countPublishedVersions,
  selectPublishedVersions,
  type PublishedVersionRow,
  type VersionFilter,
  type VersionPage,
} from './published-versions.sql.ts'
export { purgeOrganizations } from './purge-organizations.ts'
export { listChanges, startFollowing, type ChangeAction, type Changes } from './list-changes.ts'
export { listNewPackages, listReleases, type FeedScope, type NewPackage, type Release } from './list-releases.ts'
export { viewModifiedAt } from './modified-at.ts'
export { obtainDist, type ObtainedDist } from './obtain-dist.ts'
export { obtainVisiblePackage } from './obtain-package.ts'
export { readCatalogStamp, type CatalogStamp } from './catalog-stamp.sql.ts'
export { renderInlineRoot, renderKeyedDocument, type KeyedRequest } from './keyed-documents.ts'
export { hashLegacyFile, joinLegacyParts, loadLegacyPart, renderLegacyLists, type LegacyPart } from './legacy-files.ts'
export { renderPackageDocument, type DocumentKind, type DocumentRequest } from './package-document.ts'
export { findAdvisories, findAdvisoriesSince, type FoundAdvisories } from './find-advisories.ts'
export { findFilterEntries, summarizeFilters } from './find-filter-entries.ts'
export { toMessageKeys } from './root-safety.ts'
export { addMessage, listMessages, removeMessage } from './manage-messages.ts'
export { changeRepositoryOptions, getRepositoryOptions } from './manage-repository-options.ts'
export {
  readAdvisoryHealth,
  readRepositoryHealth,
  type AdvisoryHealth,
  type ByTheClock,
  type RepositoryHealth,
  type RepositoryNotice,
  type Vouched,
} from './repository-health.ts'
export type { RepositoryMessage } from './repository-messages.sql.ts'
export { renderRootDocument, type RootRequest } from './root-document.ts'
export { findVersionArchive } from './version-archives.sql.ts'
export { UnknownReferences } from './unknown-references.ts'
export { refreshRendered } from './refresh-rendered.ts'
