export { FULL_VIEW, getAudience, sees, type Audience } from './audience.ts'
export { describePackage, type DescribedPackage } from './describe-package.ts'
export { findVisiblePackages, getVisiblePackage } from './find-package.ts'
export {
  findSourceUrls,
  listCatalog,
  listProviders,
  searchCatalog,
  type CatalogEntry,
  type CatalogFilter,
  type SearchCatalog,
} from './list-catalog.ts'
export { viewModifiedAt } from './modified-at.ts'
export { obtainDist, type ObtainedDist } from './obtain-dist.ts'
export { renderPackageDocument, type DocumentKind, type DocumentRequest } from './package-document.ts'
export { renderRootDocument } from './root-document.ts'
export { UnknownReferences } from './unknown-references.ts'
export { refreshRendered } from './refresh-rendered.ts'
