export {
  countJobs,
  findJob,
  findJobByUid,
  findJobPayload,
  findOldestDue,
  hastenJob,
  selectOpenPayloads,
  type Job,
  type JobFilter,
  type JobLogLine,
} from './jobs.sql.ts'
export { getJob, listJobLog, listJobs, retryJob } from './manage-jobs.ts'
