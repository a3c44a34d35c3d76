export { BLOCK_LIST, isReservedListName, MALWARE_LIST, parseListName } from './list-name.ts'
export { concerns, findBlocked, findEntriesOfPackage, findNaming, requireUnblocked, selectEnforced } from './block-rules.ts'
export {
  selectEntriesOfNames,
  selectEntriesOfPackages,
  selectOwnLists,
  selectPackageSources,
  type FilterEntry,
  type PackageSource,
  type ToldEntry,
} from './filter-entries.sql.ts'
export { selectFeedsOf, type FeedState } from './filter-feeds.sql.ts'
export { refreshFilters } from './refresh-filters.ts'
export { blockPackage, listBlocked, listFilterFeeds, unblockPackage, type NewBlock } from './manage-entries.ts'
