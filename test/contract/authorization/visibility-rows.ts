/** How the commands about visibility, jobs and publishing of single refs are called by the matrix. */
import { on, open, type CommandRow } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const SEEING = open('decides by visibility, membership and scope; test/contract/gitlab/matrix.test.ts')
const REF = { kind: 'tag', name: 'v1.0.0' }
const JOB_TOKEN = { name: 'job', policies: ['read'], lifetime: 60_000 }

export const VISIBILITY_ACCESS_ROWS: Rows = {
  createJobToken: on('job-token.create', ({ people, source }) => [{ ...JOB_TOKEN, user: people.member, source: source.id }]),
}

export const VISIBILITY_CATALOG_ROWS: Rows = {
  getFamilyAudience: SEEING,
  getSourceAudience: SEEING,
  obtainPublishedDist: open('the audience has decided'),
}

export const VISIBILITY_SOURCE_ROWS: Rows = {
  allowJobs: on('source.open', ({ source }) => [{ source, jobsOf: source, allowed: 'yes' }]),
  authorizePublishing: on('source.publish', ({ source }) => [source]),
  deleteVersion: on('version.delete', ({ source }) => [{ source, id: 1 }]),
  mayDeleteVersions: open('only says what deleteVersion would'),
  publishRef: on('source.publish', ({ source }) => [{ source, ref: REF }]),
  setSourceVisibility: on('source.open', ({ source }) => [source, { visibility: 'public' }]),
  visibleSources: open('only says what whoever belongs there sees; test/contract/repository/team-limits.test.ts'),
}
