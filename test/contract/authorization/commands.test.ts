/**
 * Every command and query of the core × every kind of actor × every scope (house.md §10). Each function that a module exports and that takes a
 * context needs a row here: one without fails the test.
 */
import { expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Ctx } from '../../../src/core/kernel/ctx.ts'
import { ADVISORY_ROWS } from './advisory-rows.ts'
import { ACCOUNT_ROWS, USER_ROWS } from './account-rows.ts'
import {
  commandNames,
  createMatrixWorld,
  findDisagreements,
  on,
  onPackage,
  open,
  self,
  type CommandRow,
} from './command-matrix.ts'
import { MIRROR_ROWS } from './mirror-rows.ts'
import { AUDIT_ROWS, MAIL_ROWS, NOTICE_ROWS, STATISTICS_ROWS, WEBHOOK_ROWS } from './observing-rows.ts'
import { ORGANIZATION_ACCESS_ROWS, ORGANIZATION_CATALOG_ROWS, ORGANIZATION_PACKAGE_ROWS } from './organization-rows.ts'
import { PROTOCOL_CATALOG_ROWS, PROTOCOL_PACKAGE_ROWS, PROTOCOL_SOURCE_ROWS, PROTOCOL_STATISTICS_ROWS } from './protocol-rows.ts'
import { FILTER_ROWS, REPOSITORY_CATALOG_ROWS } from './repository-rows.ts'
import { VISIBILITY_ACCESS_ROWS, VISIBILITY_CATALOG_ROWS, VISIBILITY_SOURCE_ROWS } from './visibility-rows.ts'

const CORE = join(import.meta.dir, '../../../src/core')
const PAGE = { limit: 10, after: null }
const GRANT = { name: 'token', scopes: [], packages: null, expiresAt: null }
const JOB = open('a job of the registry itself')
const LOOKUP = open('finds an organization; whoever calls authorizes next')
const AUDIENCE = open('takes an audience, which only getAudience hands out')

type Rows = Record<string, CommandRow>

const ROWS: Record<string, Rows> = {
  access: {
    ...ORGANIZATION_ACCESS_ROWS,
    ...VISIBILITY_ACCESS_ROWS,
    ...USER_ROWS,
    changeToken: on('token.change', ({ own }) => [{ owner: { organization: own.id }, uid: 'x', name: 'y' }]),
    createOrganization: on('organization.create', () => [{ slug: 'new', name: 'New' }]),
    createPersonalToken: self('personal-token.create', ({ people }) => [{ ...GRANT, user: people.member }]),
    createToken: on('token.create', ({ own }) => [{ ...GRANT, organization: own.id }]),
    isSetupOpen: open('public: says whether the set-up page is there'),
    isSetupSecret: open('the secret is the proof'),
    listCurrentTokens: on('token.list', ({ own }) => [own.id]),
    listOrganizations: on('organization.list', () => [PAGE]),
    listPersonalTokens: self('personal-token.list', ({ people }) => [people.member]),
    listTokens: on('token.list', ({ own }) => [{ organization: own.id, page: PAGE }]),
    openSetup: on('instance.set-up', () => []),
    revokeToken: on('token.revoke', ({ own }) => [{ owner: { organization: own.id }, uid: 'x' }]),
    rotateToken: on('token.rotate', ({ own }) => [{ owner: { organization: own.id }, uid: 'x', overlap: 0 }]),
    setUpInstance: on('instance.set-up', () => [
      { email: '', name: '', password: '', organization: { slug: '', name: '' } },
      'x',
    ]),
  },
  catalog: {
    ...ORGANIZATION_CATALOG_ROWS,
    ...PROTOCOL_CATALOG_ROWS,
    ...REPOSITORY_CATALOG_ROWS,
    ...VISIBILITY_CATALOG_ROWS,
    browsePackages: on('package.list', ({ own }) => [{ organization: own, search: '', page: 1, perPage: 10 }]),
    describePackage: AUDIENCE,
    findProviding: AUDIENCE,
    findNamesByUid: on('package.read', ({ own }) => [own, []]),
    findSourceUrls: AUDIENCE,
    findVisiblePackages: AUDIENCE,
    getAudience: open('decides by membership and scope; test/contract/repository/access.test.ts'),
    getPackageForPeople: on('package.read', ({ own }) => [{ organization: own, wanted: { name: 'acme/http' } }]),
    getReadme: on('package.read', ({ own }) => [{ organization: own, name: 'acme/http', version: null }]),
    getVisiblePackage: AUDIENCE,
    listCatalog: AUDIENCE,
    listProviders: AUDIENCE,
    obtainDist: AUDIENCE,
    obtainVisiblePackage: AUDIENCE,
    refreshRendered: open('done by the server when it starts'),
    searchCatalog: AUDIENCE,
  },
  accounts: ACCOUNT_ROWS,
  advisories: { ...ADVISORY_ROWS, ...FILTER_ROWS },
  audit: AUDIT_ROWS,
  instance: {},
  mail: MAIL_ROWS,
  mirrors: MIRROR_ROWS,
  notices: NOTICE_ROWS,
  locks: { checkLock: AUDIENCE, getPrefetch: AUDIENCE, prefetchLock: AUDIENCE, runLockPrefetch: JOB },
  organizations: { getOrganizationByPath: LOOKUP },
  statistics: { ...STATISTICS_ROWS, ...PROTOCOL_STATISTICS_ROWS },
  webhooks: WEBHOOK_ROWS,
  hooks: {
    getHook: on('hook.show', ({ source }) => [source]),
    listReceipts: on('hook.log', ({ source }) => [source, PAGE]),
    findHookRegistration: on('hook.show', ({ source }) => [source]),
    purgeReceipts: JOB,
    registerAtHost: JOB,
    registerHook: on('hook.rotate', ({ source }) => [source, null]),
    unregisterAtHost: JOB,
    unregisterHook: on('hook.rotate', ({ source }) => [source]),
    receiveHook: open('the signature of the delivery is the proof'),
    rotateHook: on('hook.rotate', ({ source }) => [source]),
  },
  jobs: {
    getJob: open('looks the job up first: a missing one is unknown to everybody'),
    listJobLog: on('job.list', ({ own }) => [{ id: 1, organization: own.id }, 0]),
    listJobs: on('job.list', ({ own }) => [{ organization: own.id, state: null, kind: null }, PAGE]),
    retryJob: on('job.retry', ({ own }) => [{ id: 1, organization: own.id, state: 'failed' }]),
  },
  packages: {
    ...ORGANIZATION_PACKAGE_ROWS,
    ...PROTOCOL_PACKAGE_ROWS,
    getPackage: on('package.read', ({ own }) => [{ organization: own.id, name: 'acme/http' }]),
    listPackages: on('package.list', ({ own }) => [{ organization: own.id, limit: 10, afterName: '' }]),
    requestArchive: AUDIENCE,
  },
  sources: {
    ...VISIBILITY_SOURCE_ROWS,
    ...PROTOCOL_SOURCE_ROWS,
    addCustomSource: on('source.add', ({ own }) => [{ organization: own.id, definition: '{}', credential: null }]),
    addSource: on('source.add', ({ own }) => [
      { organization: own.id, url: 'https://git.example.org/new.git', credential: null },
    ]),
    askUpstreamHost: open('whoever asks has decided'),
    buildArchive: JOB,
    collectBlobs: JOB,
    collectReadmes: JOB,
    deletePackage: onPackage('package.delete', 'acme/http', ({ own }) => [{ organization: own.id, name: 'acme/http' }]),
    discardSources: JOB,
    getCustomDefinition: on('source.configure', ({ source }) => [source]),
    getSourceHealth: on('source.list', ({ source }) => [source]),
    setCredential: on('source.configure', ({ source }) => [source, { credential: null, expiresAt: null }]),
    getSource: on('source.list', ({ own, source }) => [{ organization: own.id, uid: source.uid }]),
    importSatis: on('source.add', ({ own }) => [
      { organization: own.id, satis: { repositories: [], notes: [] }, sshKey: null, mode: 'plan' },
    ]),
    listArtifacts: on('artifact.list', ({ own }) => [{ organization: own.id, name: 'acme/http' }]),
    listSkippedRefs: on('source.list', ({ source }) => [source]),
    listSourceStates: on('source.browse', ({ own }) => [own.id]),
    listSyncRuns: on('source.list', ({ source }) => [source, PAGE]),
    listSources: on('source.list', ({ own }) => [{ organization: own.id, page: PAGE }]),
    openCredential: JOB,
    openSealedCredential: JOB,
    openUpstreamCredential: JOB,
    sealCredential: open('only encrypts'),
    prebuildArchives: JOB,
    receiveUpload: open('a step of the publish pipeline; whoever publishes authorizes'),
    logDiffering: open('tells what a command of its own has decided'),
    recordArchives: JOB,
    reconcileSources: JOB,
    removeArtifact: onPackage('artifact.remove', 'acme/http', ({ own }) => [
      { organization: own.id, name: 'acme/http', version: '1.0.0' },
    ]),
    removeSource: on('source.remove', ({ source }) => [source]),
    requestSync: on('source.sync', ({ source }) => [source]),
    retireArchives: JOB,
    scrubBlobs: JOB,
    setManifests: on('source.configure', ({ source }) => [source, null]),
    setRefRules: on('source.configure', ({ source }) => [source, 'literal']),
    setSyncInterval: on('source.configure', ({ source }) => [source, 3600]),
    syncSource: JOB,
    updateCustomSource: on('source.configure', ({ source }) => [source, '{}']),
    uploadArtifact: onPackage('artifact.upload', 'acme/http', ({ own }) => [
      {
        organization: own.id,
        content: (async function* () {})(),
        fileName: 'http.zip',
        expected: { name: 'acme/http', version: null },
        onExisting: 'refuse',
        sha256: null,
      },
    ]),
  },
}

test('every module of the core has its rows', () => {
  const modules = readdirSync(CORE).filter((name) => name !== 'kernel')

  expect(Object.keys(ROWS).toSorted()).toEqual(modules.toSorted())
})

test.each(Object.entries(ROWS))(
  'every command of %s lets through exactly whom the permission table lets through',
  async (name, rows) => {
    const module = (await import(join(CORE, name, 'index.ts'))) as Readonly<Record<string, unknown>>
    const world = await createMatrixWorld()
    expect(Object.keys(rows).toSorted()).toEqual(commandNames(module))

    const problems: string[] = []
    for (const [command, row] of Object.entries(rows)) {
      const call = module[command] as (ctx: Ctx, ...rest: unknown[]) => unknown
      problems.push(...(await findDisagreements(world, command, { command: call, row })))
    }

    expect(problems).toEqual([])
  },
)
