/** How the commands about mirrors are called by the matrix. */
import type { Mirror } from '../../../src/core/mirrors/index.ts'
import { on, onPackage, open, type CommandRow, type MatrixWorld } from './command-matrix.ts'

const PAGE = { limit: 10, after: null }
const JOB = open('run by the job runner as the registry itself')
const NAMES = ['vendor/package']

/** A mirror of the organization; whether it exists is asked after the right. */
function mirror({ own }: MatrixWorld): Mirror {
  return {
    id: 7 as Mirror['id'],
    uid: 'x',
    organization: own.id,
    name: 'upstream',
    url: 'https://upstream.example.org',
    credential: null,
    behavior: 'manual',
    position: 1,
    timeout: 10_000,
    only: null,
    except: null,
    keepsArchives: true,
    takesAll: false,
    holdsSuspects: false,
    root: null,
    rootModified: null,
    rootEtag: null,
    rootCheckedAt: null,
    feedSince: null,
    failingSince: null,
    state: 'new',
    problemCode: null,
    problem: null,
    refreshedAt: null,
    nextRefreshAt: 0,
    refreshSeconds: null,
    createdAt: 0,
  }
}

export const MIRROR_ROWS: Record<string, CommandRow> = {
  addMirror: on('mirror.add', ({ own }) => [{ organization: own.id, url: 'https://upstream.example.org', credential: null }]),
  addMirroredPackages: onPackage('mirror.use', 'vendor/package', (world) => [mirror(world), NAMES]),
  changeMirror: on('mirror.change', (world) => [mirror(world), { name: 'other' }]),
  dismissMirrorIncident: on('mirror.change', (world) => [mirror(world), 'x']),
  fetchMirroredPackage: JOB,
  getMirror: on('mirror.list', ({ own }) => [{ organization: own.id, uid: 'x' }]),
  listMirroredPackages: on('mirror.list', (world) => [mirror(world), { after: '', limit: 10 }]),
  listMirrorIncidents: on('mirror.list', (world) => [mirror(world), { page: PAGE, isOpen: true }]),
  listMirrorRuns: on('mirror.list', (world) => [mirror(world), PAGE]),
  listMirrors: on('mirror.list', ({ own }) => [own.id]),
  listReservations: on('mirror.list', ({ own }) => [own.id]),
  obtainMirroredArchive: open('the audience has decided'),
  obtainMirroredPackage: open('obtainVisiblePackage has decided; test/contract/mirrors/on-use.test.ts'),
  orderMirrors: on('mirror.change', ({ own }) => [own.id, []]),
  prefetchArchives: JOB,
  refreshMirror: JOB,
  releaseNames: on('mirror.change', ({ own }) => [own.id, NAMES]),
  removeMirror: on('mirror.remove', (world) => [mirror(world), { packages: 'refuse' }]),
  removeMirroredPackages: on('mirror.remove', (world) => [mirror(world)]),
  requestMirrorArchives: on('mirror.refresh', (world) => [mirror(world)]),
  requestMirrorRefresh: on('mirror.refresh', (world) => [mirror(world)]),
  askUpstream: open('whoever asks has decided'),
  requestUpstream: open('whoever asks has decided'),
  reserveNames: on('mirror.change', ({ own }) => [own.id, NAMES]),
  scheduleMirrors: JOB,
  storeMirroredArchive: open('the audience has decided'),
}
