/** How repositories become versions, as pricore.md §9 has it, over real git repositories. */
import { describe, expect, test } from 'bun:test'
import { browsePackages, getPackageForPeople } from '../../../src/core/catalog/index.ts'
import { findOrganization } from '../../../src/core/organizations/index.ts'
import {
  addSource,
  collectBlobs,
  deletePackage,
  getSource,
  listSkippedRefs,
  listSyncRuns,
  removeSource,
  setRefRules,
} from '../../../src/core/sources/index.ts'
import { createTestApp, SYSTEM, type TestApp } from '../../kit/app.ts'
import { startGitServer } from '../../kit/git-server.ts'
import {
  createGitSource,
  memoryReport,
  packageCommit,
  publishedVersions,
  temporaryRepository,
  type GitSource,
} from '../../kit/git-source.ts'

const PAGE = { limit: 10, after: null }

/** A source of one commit that all of these refs point to. */
async function sourceOf(...refs: string[]): Promise<GitSource & { commit: string }> {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({ description: 'one' }))
  await repository.setRefs(Object.fromEntries(refs.map((ref) => [ref, commit])))
  return { ...(await createGitSource(repository)), commit }
}

/** Every version with its normalized form. */
async function identities(app: TestApp): Promise<Record<string, string>> {
  const rows = await app.test.database.read
    .selectFrom('versions')
    .select(['version', 'normalized'])
    .where('removed_at', 'is', null)
    .orderBy('normalized')
    .execute()
  return Object.fromEntries(rows.map(({ version, normalized }) => [version, normalized]))
}

async function listBlobs(app: TestApp): Promise<string[]> {
  const listed: string[] = []
  for await (const { sha256 } of app.blobs.list()) {
    listed.push(sha256)
  }
  return listed
}

describe('refs', () => {
  test('PR-601 tags and branches become versions, tags that are none are skipped', async () => {
    const { app, source } = await sourceOf(
      'refs/heads/main',
      'refs/heads/feature/foo',
      'refs/tags/v1.0.0',
      'refs/tags/1.1.0-beta1',
      'refs/tags/v3.0.0-RC2',
      'refs/tags/1.0.0-p1',
      'refs/tags/1.2.0+build.5',
      'refs/tags/1.0.0-hotfix',
      'refs/tags/1.2.3.4.5',
      'refs/tags/nightly',
    )

    expect(await identities(app)).toEqual({
      'v1.0.0': '1.0.0.0',
      '1.0.0-p1': '1.0.0.0-patch1',
      '1.1.0-beta1': '1.1.0.0-beta1',
      '1.2.0+build.5': '1.2.0.0',
      'v3.0.0-RC2': '3.0.0.0-RC2',
      'dev-feature/foo': 'dev-feature/foo',
      'dev-main': 'dev-main',
    })
    expect((await listSkippedRefs(app.ctx(), source)).map(({ name }) => name)).toEqual(['1.0.0-hotfix', '1.2.3.4.5', 'nightly'])
  })

  test('PR-602 numeric branches are read as Composer reads them, and by their names where the switch says so', async () => {
    const { app, organization, source } = await sourceOf(
      'refs/heads/main',
      'refs/heads/1.x',
      'refs/heads/2.0.x',
      'refs/heads/1.0',
    )
    const composer = await identities(app)

    await setRefRules(app.ctx(), source, 'literal')
    await app.runJobs()
    const literal = await identities(app)
    await setRefRules(app.ctx(), await getSource(app.ctx(), { organization, uid: source.uid }), 'composer')
    await app.runJobs()

    expect(composer).toEqual({
      '1.x-dev': '1.9999999.9999999.9999999-dev',
      '2.0.x-dev': '2.0.9999999.9999999-dev',
      '1.0.x-dev': '1.0.9999999.9999999-dev',
      'dev-main': 'dev-main',
    })
    expect(literal).toEqual({ '1.0': '1.0.0.0', 'dev-1.x': 'dev-1.x', '2.0.x': 'dev-2.0.x', 'dev-main': 'dev-main' })
    expect(await identities(app)).toEqual(composer)
  })

  test('PR-601 PR-602 a source that is added with the switch reads tags and branches by the table', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}))
    const refs = [
      'refs/tags/v1.0.0',
      'refs/tags/1.0.0-dev',
      'refs/tags/v1',
      'refs/tags/release-1.0.0',
      'refs/heads/main',
      'refs/heads/1.0',
    ]
    await repository.setRefs(Object.fromEntries(refs.map((ref) => [ref, commit])))
    const app = await createTestApp({ git: true })
    const { id } = await app.organization()

    const { source } = await addSource(app.ctx(), {
      organization: id,
      url: repository.url,
      credential: null,
      refRules: 'literal',
    })
    await app.runJobs()

    expect(await identities(app)).toEqual({
      'v1.0.0': '1.0.0.0',
      '1.0.0-dev': '1.0.0.0-dev',
      'dev-v1': 'dev-v1',
      'dev-release-1.0.0': 'dev-release-1.0.0',
      'dev-main': 'dev-main',
    })
    // The tag and the branch are one version; the tag wins.
    expect((await listSkippedRefs(app.ctx(), source)).map(({ kind, name }) => [kind, name])).toEqual([['branch', '1.0']])
  })

  test('PR-603 a ref with an invalid or no composer.json is skipped, and the sync is fine', async () => {
    const repository = await temporaryRepository()
    const [good = '', broken = '', none = '', nameless = ''] = await repository.commit(
      packageCommit({}),
      { files: { 'composer.json': '{"name": ' } },
      { files: { 'a.php': '<?php' } },
      { files: { 'composer.json': '{}' } },
    )
    await repository.setRefs({
      'refs/heads/main': good,
      'refs/tags/1.0.0': good,
      'refs/tags/1.1.0': broken,
      'refs/tags/1.2.0': none,
      'refs/heads/nameless': nameless,
    })

    const { app, organization, source } = await createGitSource(repository)

    expect(Object.keys(await identities(app))).toEqual(['1.0.0', 'dev-main'])
    expect(await getSource(app.ctx(), { organization, uid: source.uid })).toMatchObject({ state: 'ready', problem: null })
    expect((await listSyncRuns(app.ctx(), source, PAGE)).items).toMatchObject([{ state: 'success', skipped: 3, added: 2 }])
  })

  test('PR-604 refs that did not move are not read again', async () => {
    const { app, source, sync, repository } = await sourceOf('refs/heads/main', 'refs/tags/1.0.0')
    const [next = ''] = await repository.commit(packageCommit({ description: 'two' }))
    await repository.setRefs({ 'refs/tags/1.1.0': next })

    await sync()
    await app.runJobs()
    await sync()

    const { items } = await listSyncRuns(app.ctx(), source, PAGE)
    expect(items.map(({ details }) => [details?.refs, details?.unchanged, details?.read])).toEqual([
      [3, 3, 0],
      [3, 2, 1],
      [2, 0, 2],
    ])
  })

  test('PR-605 a moved branch or tag updates its version, gets a new archive, and the old archive stays', async () => {
    const { app, sync, repository, commit } = await sourceOf('refs/heads/main', 'refs/tags/1.0.0')
    const [next = ''] = await repository.commit(packageCommit({ description: 'two' }, { 'b.php': '<?php' }))
    await repository.setRefs({ 'refs/heads/main': next, 'refs/tags/1.0.0': next })

    expect(await sync()).toMatchObject({ updated: 2, published: 0, removed: 0 })
    await app.runJobs()

    expect((await publishedVersions(app)).map(({ reference }) => reference)).toEqual([next, next])
    const dists = await app.test.database.read.selectFrom('dists').select(['reference', 'sha256']).execute()
    expect(dists.map(({ reference }) => reference).toSorted()).toEqual([commit, next].toSorted())
    expect(await listBlobs(app)).toHaveLength(2)
  })

  test('PR-606 a deleted tag or branch loses its version, and a remote without any ref loses nothing', async () => {
    const { app, organization, source, sync, repository } = await sourceOf(
      'refs/heads/main',
      'refs/heads/next',
      'refs/tags/1.0.0',
    )

    await repository.setRefs({ 'refs/heads/next': null, 'refs/tags/1.0.0': null })
    expect(await sync()).toMatchObject({ removed: 2 })
    expect(Object.keys(await identities(app))).toEqual(['dev-main'])

    await repository.setRefs({ 'refs/heads/main': null })
    expect(sync()).rejects.toMatchObject({ code: 'source_invalid' })
    await app.runJobs()
    expect(Object.keys(await identities(app))).toEqual(['dev-main'])
    expect(await getSource(app.ctx(), { organization, uid: source.uid })).toMatchObject({ state: 'failing' })
  })

  test('PR-615 one repository gives several packages by the names that its refs have', async () => {
    const repository = await temporaryRepository()
    const [old = '', renamed = ''] = await repository.commit(
      packageCommit({ name: 'acme/old' }),
      packageCommit({ name: 'acme/new' }),
    )
    await repository.setRefs({ 'refs/tags/1.0.0': old, 'refs/tags/2.0.0': renamed, 'refs/heads/main': renamed })
    const app = await createTestApp({ git: true })
    const { id } = await app.organization()

    await addSource(app.ctx(), { organization: id, url: repository.url, credential: null, refRules: 'literal' })
    await app.runJobs()

    expect((await publishedVersions(app, 'acme/old')).map(({ version }) => version)).toEqual(['1.0.0'])
    expect((await publishedVersions(app, 'acme/new')).map(({ version }) => version)).toEqual(['2.0.0', 'dev-main'])
  })

  test('PR-612 a name that another source has is refused, counted and explained', async () => {
    const { app, organization } = await sourceOf('refs/heads/main', 'refs/tags/1.0.0')
    const other = await temporaryRepository()
    const [commit = ''] = await other.commit(packageCommit({ description: 'a copy' }))
    await other.setRefs({ 'refs/heads/main': commit, 'refs/tags/2.0.0': commit })

    const { source } = await addSource(app.ctx(), { organization, url: other.url, credential: null })
    await app.runJobs()

    expect((await publishedVersions(app)).map(({ version }) => version)).toEqual(['1.0.0', 'dev-main'])
    const reason = 'the package acme/http is published from another source of this organization'
    expect(await listSkippedRefs(app.ctx(), source)).toEqual([
      { kind: 'tag', name: '2.0.0', code: 'name-taken', reason },
      { kind: 'branch', name: 'main', code: 'name-taken', reason },
    ])
    expect((await listSyncRuns(app.ctx(), source, PAGE)).items).toMatchObject([
      { state: 'failed', failed: 2, added: 0, errorCode: 'package_taken', error: expect.stringContaining('acme/http') },
    ])
  })
})

/** The bytes of archives go a day after the last row that named them. */
async function expectBlobsCollected(app: TestApp): Promise<void> {
  expect(await listBlobs(app)).toHaveLength(1)
  app.clock.advance('2 days')
  await collectBlobs(app.ctx(SYSTEM), memoryReport())
  expect(await listBlobs(app)).toEqual([])
}

describe('PR-610 a credential', () => {
  const basic = { kind: 'basic' as const, username: 'me@example.org', password: 'api-token' }
  const key = {
    kind: 'ssh_key' as const,
    privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nx\n-----END OPENSSH PRIVATE KEY-----\n',
  }

  test.each([
    ['token, as at GitHub and at a GitLab that somebody runs', { kind: 'bearer' as const, token: 'glpat-1' }, 'Bearer glpat-1'],
    ['e-mail address with a token, as at Bitbucket', basic, `Basic ${btoa('me@example.org:api-token')}`],
    ['none, for a public repository', null, null],
  ])('%s', async (_, credential, authorization) => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}))
    await repository.setRefs({ 'refs/heads/main': commit })
    const server = await startGitServer(repository.directory)
    server.behaviour.authorization = authorization
    try {
      const app = await createTestApp({ git: true })
      const { id: organization } = await app.organization()

      const { source } = await addSource(app.ctx(), { organization, url: server.url, credential })
      await app.runJobs()

      expect(await getSource(app.ctx(), { organization, uid: source.uid })).toMatchObject({ state: 'ready' })
      expect(Object.keys(await identities(app))).toEqual(['dev-main'])
    } finally {
      await server.stop()
    }
  })

  test('key belongs to ssh, all others to https', async () => {
    const app = await createTestApp()
    const { id: organization } = await app.organization()

    const { source } = await addSource(app.ctx(), { organization, url: 'git@git.example.org:acme/http.git', credential: key })
    app.leaveJobs()

    expect(source.credential).not.toBeNull()
    for (const [url, credential] of [
      ['https://git.example.org/acme/other.git', key],
      ['git@git.example.org:acme/other.git', basic],
    ] as const) {
      expect(addSource(app.ctx(), { organization, url, credential })).rejects.toMatchObject({ details: { field: 'credential' } })
    }
  })
})

describe('what is removed', () => {
  test('PR-613 a removed source takes its packages, versions, archives and log with it', async () => {
    const { app, organization, source } = await sourceOf('refs/heads/main', 'refs/tags/1.0.0')

    await removeSource(app.ctx(), await getSource(app.ctx(), { organization, uid: source.uid }))
    await app.runJobs()

    for (const table of ['packages', 'versions', 'dists', 'sync_runs', 'source_readmes'] as const) {
      expect(await app.test.database.read.selectFrom(table).selectAll().execute()).toEqual([])
    }
    await expectBlobsCollected(app)
  })

  test('PR-613 a deleted package takes its versions and archives with it', async () => {
    const { app, organization } = await sourceOf('refs/heads/main', 'refs/tags/1.0.0')

    await deletePackage(app.ctx(), { organization, name: 'acme/http' })

    for (const table of ['packages', 'versions', 'dists'] as const) {
      expect(await app.test.database.read.selectFrom(table).selectAll().execute()).toEqual([])
    }
    await expectBlobsCollected(app)
  })
})

describe('what people see', () => {
  test('PR-616 versions are in the order of Composer, and PR-617 have the date of their commit', async () => {
    const repository = await temporaryRepository()
    const commits = await repository.commit(
      ...[1, 2, 3, 4].map((day) =>
        packageCommit(
          {},
          { day: String(day) },
          { authoredAt: 1_700_000_000 + day * 86_400, committedAt: 1_700_000_000 + day * 86_400 },
        ),
      ),
    )
    await repository.setRefs({
      'refs/heads/main': commits[0] ?? '',
      'refs/tags/1.2.0': commits[0] ?? '',
      'refs/tags/1.10.0': commits[1] ?? '',
      'refs/tags/2.0.0-RC1': commits[2] ?? '',
      'refs/tags/1.9.0.1': commits[3] ?? '',
    })

    const { app, organization: id } = await createGitSource(repository)
    const organization = (await findOrganization(app.test.database.read, id))!
    const listed = await browsePackages(app.ctx(), { organization, search: '', page: 1, perPage: 10 })
    const { versions } = await getPackageForPeople(app.ctx(), { organization, wanted: { name: 'acme/http' } })

    expect(listed.items).toMatchObject([{ name: 'acme/http', latestVersion: '1.10.0' }])
    expect(versions.map(({ version }) => version)).toEqual(['2.0.0-RC1', '1.10.0', '1.9.0.1', '1.2.0', 'dev-main'])
    expect(versions.map(({ time }) => Date.parse(time ?? '') / 1000)).toEqual(
      [3, 2, 4, 1, 1].map((day) => 1_700_000_000 + day * 86_400),
    )
  })
})
