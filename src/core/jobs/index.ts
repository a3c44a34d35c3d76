export { countJobs, findJob, findOldestDue, selectOpenPayloads, type Job, type JobFilter, type JobLogLine } from './jobs.sql.ts'
export { getJob, listJobLog, listJobs, retryJob } from './manage-jobs.ts'
