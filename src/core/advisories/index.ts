export { SEVERITIES, type Advisory, type AdvisorySource, type Severity } from './advisory.ts'
export { FRESH_FOR, getFeedHealth, type FeedHealth } from './feed-health.ts'
export type { AdvisoryFeed } from './feeds.sql.ts'
export { selectOpenedAt, type Finding, type FindingFilter, type FindingKind, type FindingState } from './findings.sql.ts'
export {
  importAdvisories,
  listFeeds,
  requestFindings,
  requestRefresh,
  type ImportedAdvisories,
  type ListedFeed,
} from './manage-feeds.ts'
export {
  changeFinding,
  countFindings,
  FINDING_STATES,
  getFinding,
  listFindings,
  type FindingCounts,
  type ListedFinding,
} from './manage-findings.ts'
export { matchAdvisories } from './match-advisories.ts'
export {
  addAdvisory,
  changeAdvisory,
  getAdvisory,
  listAdvisoriesOf,
  listOwnAdvisories,
  withdrawAdvisory,
  type AddAdvisory,
  type AdvisoryContent,
} from './own-advisories.ts'
export { parseReportedAt } from './read-advisories.ts'
export { refreshAdvisories } from './refresh-advisories.ts'
export { scanPackages } from './scan-packages.ts'
export { selectAdvisories, selectAdvisoriesSince } from './select-advisories.sql.ts'
export * from './filters/index.ts'
