export type { Job, JobFilter, JobLogLine } from './jobs.sql.ts'
export { getJob, listJobLog, listJobs, retryJob } from './manage-jobs.ts'
