export { countInstalls, type ReportedInstall } from './count-installs.ts'
export { UsageBuffer } from './usage-buffer.ts'
