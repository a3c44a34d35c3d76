export { countInstalls, type ReportedInstall } from './count-installs.ts'
export { addDays, lastDays, parseDay, toDay, type Day, type DayRange, type Step } from './days.ts'
export {
  countUsageAudiences,
  findDailySince,
  getUsageOfRange,
  getUsageTotals,
  listTopUsage,
  listUnknownInstalls,
  listUsageSeries,
  type TopUsage,
  type UsagePoint,
  type UsageScope,
  type UsageTotals,
} from './read-usage.ts'
export { rollUpStatistics } from './roll-up.ts'
export {
  listDownloadSeries,
  maySeeDownloads,
  NO_DOWNLOADS,
  sumDownloads,
  sumDownloadsByVersion,
  type Downloads,
} from './sum-downloads.ts'
export { toUsageAudience } from './usage-audience.ts'
export { UsageBuffer } from './usage-buffer.ts'
