/** How the commands behind the rest of the Composer protocol are called by the matrix. */
import { on, onPackage, open, type CommandRow, type MatrixWorld } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const AUDIENCE = open('takes an audience, which only getAudience hands out')
const PER_SOURCE = open('throws for whoever may not ask for any sync; each source is authorized with the request')
const seen = ({ own }: MatrixWorld) => ({ organization: own.id, package: 1 })
const SERIES = { range: { since: '2026-01-01', until: '2026-01-31' }, step: 'month' } as const

export const PROTOCOL_CATALOG_ROWS: Rows = {
  getVisibleReadme: AUDIENCE,
  listChanges: AUDIENCE,
  listNewPackages: AUDIENCE,
  listReleases: AUDIENCE,
  listRequiring: AUDIENCE,
  startFollowing: AUDIENCE,
}

export const PROTOCOL_STATISTICS_ROWS: Rows = {
  listDownloadSeries: on('statistics.read', (world) => [{ ...seen(world), ...SERIES }, () => null]),
  maySeeDownloads: open('says whether the others may be asked'),
  sumDownloads: on('statistics.read', ({ own }) => [own.id, null]),
  sumDownloadsByVersion: on('statistics.read', (world) => [seen(world)]),
}

export const PROTOCOL_PACKAGE_ROWS: Rows = {
  setAbandoned: onPackage('package.abandon', 'acme/http', ({ own }) => [
    { organization: own.id, name: 'acme/http', abandoned: true },
  ]),
}

export const PROTOCOL_SOURCE_ROWS: Rows = {
  acceptRepository: on('source.configure', ({ source }) => [{ ...source, problemCode: 'source_replaced' }]),
  findSourcesByUrl: PER_SOURCE,
  findSourcesOfPackage: PER_SOURCE,
  getSyncJob: on('source.sync', ({ own }) => [{ organization: own.id, job: 1 }]),
  setSourceUrl: on('source.configure', ({ source }) => [source, 'https://git.example.org/moved.git']),
}
