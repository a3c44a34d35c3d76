/** How the commands about advisories and findings are called by the matrix. */
import { on, onPackage, open, type CommandRow } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const JOB = open('a job of the registry itself')
const CONTENT = { affectedVersions: '<2.0', title: 'A problem', link: null, cve: null, severity: null, reportedAt: null }
const ANY = { states: null, kinds: null, severities: null, packageName: null, isMirrored: null }

export const ADVISORY_ROWS: Rows = {
  addAdvisory: on('advisory.change', ({ own }) => [
    { ...CONTENT, organization: own.id, packageName: 'acme/http', isConfirmed: false },
  ]),
  changeAdvisory: on('advisory.change', ({ own }) => [{ organization: own.id, advisoryId: 'x', change: {}, isConfirmed: false }]),
  changeFinding: onPackage('finding.change', 'acme/http', ({ own }) => [
    { id: 1, uid: 'x', organization: own.id, packageName: 'acme/http' },
    { state: 'open', reason: null },
  ]),
  countFindings: on('advisory.list', ({ own }) => [own.id]),
  getAdvisory: on('advisory.list', ({ own }) => [{ organization: own.id, advisoryId: 'x' }]),
  getFeedHealth: open('says how old the advisories are, the same for everybody'),
  getFinding: on('advisory.list', ({ own }) => [{ organization: own.id, uid: 'x' }]),
  importAdvisories: on('advisory.refresh', () => [{ text: '{}', isComplete: false }]),
  listAdvisoriesOf: on('advisory.list', ({ own }) => [{ organization: own.id, name: 'acme/http' }]),
  listFeeds: on('advisory.refresh', () => []),
  listFindings: on('advisory.list', ({ own }) => [own.id, { filter: ANY, limit: 10, before: null }]),
  listOwnAdvisories: on('advisory.list', ({ own }) => [own.id, { limit: 10, after: null }]),
  refreshAdvisories: JOB,
  requestFindings: on('advisory.scan', ({ own }) => [own.id]),
  requestRefresh: on('advisory.refresh', () => []),
  scanPackages: JOB,
  withdrawAdvisory: on('advisory.change', ({ own }) => [{ organization: own.id, advisoryId: 'x' }]),
}
