export { countJobs, findOldestDue, type Job, type JobFilter, type JobLogLine } from './jobs.sql.ts'
export { getJob, listJobLog, listJobs, retryJob } from './manage-jobs.ts'
