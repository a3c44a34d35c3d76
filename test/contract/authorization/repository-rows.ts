/** How the commands about what a repository tells its clients are called by the matrix: filter lists, messages, options. */
import { on, open, type CommandRow, type MatrixWorld } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const AUDIENCE = open('takes an audience, which only getAudience hands out')
const key = ({ own }: MatrixWorld) => ({ organization: own, uid: 'x' })

export const FILTER_ROWS: Rows = {
  blockPackage: on('filter.change', ({ own }) => [
    { organization: own, list: 'blocked', name: 'acme/http', versions: '*', reason: null, url: null },
  ]),
  listBlocked: on('filter.list', ({ own }) => [{ organization: own.id, list: null, page: { limit: 10, after: null } }]),
  listFilterFeeds: on('filter.list', ({ own }) => [own.id]),
  refreshFilters: open('a job of the registry itself'),
  unblockPackage: on('filter.change', (world) => [key(world)]),
}

export const REPOSITORY_CATALOG_ROWS: Rows = {
  addMessage: on('repository.configure', ({ own }) => [{ organization: own, kind: 'info', message: 'Hello', versions: '*' }]),
  changeRepositoryOptions: on('repository.configure', ({ own }) => [{ organization: own, options: { audits: false } }]),
  findAdvisories: AUDIENCE,
  findAdvisoriesSince: AUDIENCE,
  findFilterEntries: AUDIENCE,
  getRepositoryOptions: on('repository.read', ({ own }) => [own]),
  listMessages: on('repository.read', ({ own }) => [own.id]),
  readAdvisoryHealth: open('says how old the advisories are, whoever asks'),
  readRepositoryHealth: open('says how old advisories and filter lists are, whoever asks'),
  removeMessage: on('repository.configure', (world) => [key(world)]),
  summarizeFilters: AUDIENCE,
}
