import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM } from '../../../test/kit/app.ts'
import {
  createGitSource,
  memoryReport,
  packageCommit,
  publishedVersions,
  temporaryRepository,
} from '../../../test/kit/git-source.ts'
import { addSource } from './add-source.ts'
import { getSource, listSkippedRefs, removeSource } from './manage-sources.ts'
import { syncSource } from './sync-source.ts'

async function repositoryWithRelease() {
  const repository = await temporaryRepository()
  const [first = '', second = ''] = await repository.commit(
    packageCommit({ description: 'first' }),
    packageCommit({ description: 'second', provide: { 'psr/http-implementation': '1.0' } }),
  )
  await repository.setRefs({ 'refs/heads/main': second, 'refs/tags/v1.0.0': first })
  return { repository, first, second }
}

describe('a sync', () => {
  test('publishes tags and branches and lists skipped refs with their reasons', async () => {
    const { repository, first, second } = await repositoryWithRelease()
    await repository.setRefs({ 'refs/tags/nightly': first })
    const { app, source } = await createGitSource(repository)

    expect(await publishedVersions(app)).toEqual([
      { version: 'v1.0.0', reference: first, isDefault: 0 },
      { version: 'dev-main', reference: second, isDefault: 1 },
    ])
    expect(await listSkippedRefs(app.ctx(), source)).toEqual([
      { kind: 'tag', name: 'nightly', code: 'invalid-name', reason: 'invalid tag name' },
    ])
    const row = await app.test.database.read
      .selectFrom('packages')
      .select(['type', 'description', 'revision'])
      .executeTakeFirstOrThrow()
    expect(row).toMatchObject({ type: 'library', description: 'second' })
    expect(await app.test.database.read.selectFrom('provided_names').select('name').execute()).toEqual([
      { name: 'psr/http-implementation' },
    ])
  })

  test('reports its steps in order', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, source } = await createGitSource(repository)
    const report = memoryReport()

    await syncSource(app.ctx(SYSTEM), source.id, report)

    expect(report.steps).toEqual(['fetch', 'refs', 'manifests', 'identify', 'record'])
    expect(report.lines).toContain('info: 0 versions published, 0 updated, 0 removed.')
  })

  test('of an unchanged repository changes neither versions nor their Last-Modified', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, sync } = await createGitSource(repository)
    const before = await app.test.database.read.selectFrom('packages').selectAll().execute()
    app.clock.advance('1 hour')

    const outcome = await sync()

    expect(outcome).toMatchObject({ published: 0, updated: 0, removed: 0, versions: 2 })
    expect(await app.test.database.read.selectFrom('packages').selectAll().execute()).toEqual(before)
  })

  test('of a moved tag moves the metadata, keeps the old reference and records both (domain.md §5.5, PR-605)', async () => {
    const { repository, first, second } = await repositoryWithRelease()
    const { app, sync } = await createGitSource(repository)
    const before = await app.test.database.read.selectFrom('packages').select('modified_at').executeTakeFirstOrThrow()

    await repository.setRefs({ 'refs/tags/v1.0.0': second })
    await sync()
    await app.runJobs()

    expect(await publishedVersions(app)).toContainEqual({ version: 'v1.0.0', reference: second, isDefault: 0 })
    const references = await app.test.database.read.selectFrom('dists').select('reference').execute()
    expect(references.map((dist) => dist.reference).sort()).toEqual([first, second].sort())
    expect(app.events).toContainEqual(expect.objectContaining({ type: 'version.reference-changed', from: first, to: second }))
    const after = await app.test.database.read.selectFrom('packages').select('modified_at').executeTakeFirstOrThrow()
    expect(after.modified_at).toBeGreaterThan(before.modified_at)
  })

  test('abuse 12: a deleted tag leaves metadata but its archive stays, and it comes back when the tag does', async () => {
    const { repository, first } = await repositoryWithRelease()
    const { app, sync } = await createGitSource(repository)

    await repository.setRefs({ 'refs/tags/v1.0.0': null })
    await sync()
    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['dev-main'])
    const kept = await app.test.database.read
      .selectFrom('dists')
      .select('sha256')
      .where('reference', '=', first)
      .executeTakeFirstOrThrow()
    expect(kept.sha256).not.toBeNull()

    await repository.setRefs({ 'refs/tags/v1.0.0': first })
    await sync()
    await app.runJobs()
    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['v1.0.0', 'dev-main'])
    expect(app.events.map((event) => event.type)).toContain('version.restored')
  })

  test('CO-125 a changed default branch moves the mark', async () => {
    const { repository, second } = await repositoryWithRelease()
    await repository.setRefs({ 'refs/heads/next': second })
    const { app, sync } = await createGitSource(repository)

    await repository.git(['symbolic-ref', 'HEAD', 'refs/heads/next'])
    await sync()
    await app.runJobs()

    const marked = (await publishedVersions(app)).filter((version) => version.isDefault === 1)
    expect(marked.map((version) => version.version)).toEqual(['dev-next'])
  })

  test('CO-112 a name that another source publishes is refused and nothing of it is written', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization } = await createGitSource(repository)
    const rival = await temporaryRepository()
    const [commit = ''] = await rival.commit(packageCommit({ description: 'an impostor' }))
    await rival.setRefs({ 'refs/heads/main': commit, 'refs/tags/9.0.0': commit })

    const { source } = await addSource(app.ctx(), { organization, url: rival.url, credential: null })
    const report = memoryReport()
    await syncSource(app.ctx(SYSTEM), source.id, report)
    await app.runJobs()

    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['v1.0.0', 'dev-main'])
    expect(report.lines).toContainEqual(expect.stringContaining('error: The package acme/http is published from another source'))
  })

  test('abuse 13, CO-128: a repository that vanishes keeps its packages and shows why it fails', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization, source, sync } = await createGitSource(repository)

    await repository.remove()
    expect(sync()).rejects.toMatchObject({ kind: 'upstream' })
    await Bun.sleep(200)

    expect(await getSource(app.ctx(), { organization, uid: source.uid })).toMatchObject({
      state: 'failing',
      problemCode: 'source_unreachable',
    })
    expect(await publishedVersions(app)).toHaveLength(2)
  })

  test('a repository that lost every usable manifest keeps the last good versions', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization, source, sync } = await createGitSource(repository)
    const [bare = ''] = await repository.commit({ files: { 'README.md': 'moved' } })

    await repository.setRefs({ 'refs/heads/main': bare, 'refs/tags/v1.0.0': null })
    await sync().catch((error: unknown) => expect(error).toMatchObject({ code: 'source_invalid' }))

    expect(await getSource(app.ctx(), { organization, uid: source.uid })).toMatchObject({
      state: 'failing',
      problemCode: 'source_invalid',
    })
    expect(await publishedVersions(app)).toHaveLength(2)
  })

  test('a package that the source no longer names is hidden, not lost', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, sync } = await createGitSource(repository)
    const [renamed = ''] = await repository.commit(packageCommit({ name: 'acme/client' }))

    await repository.setRefs({ 'refs/heads/main': renamed })
    await sync()
    await app.runJobs()

    expect(await publishedVersions(app)).toEqual([])
    expect((await publishedVersions(app, 'acme/client')).map((version) => version.version)).toEqual(['v1.0.0', 'dev-main'])
    expect(await app.test.database.read.selectFrom('dists').select('id').execute()).toHaveLength(4)
  })

  test('abuse 2, 3: odd ref names are listed as skipped with their reason and the others are imported', async () => {
    const { repository, first } = await repositoryWithRelease()
    const odd = ['$(id)', '`id`', 'a;b', '--output=/x'].map((name) => [`refs/tags/${name}`, first])
    await repository.setRefs(Object.fromEntries(odd))
    await repository.setRefs({ 'refs/tags/1.0.0': first })
    const { app, source } = await createGitSource(repository)

    const skipped = await listSkippedRefs(app.ctx(), source)

    expect(skipped.map((ref) => `${ref.name}: ${ref.code}`).sort()).toEqual(
      [
        '$(id): invalid-name',
        '--output=/x: invalid-name',
        '`id`: invalid-name',
        'a;b: invalid-name',
        'v1.0.0: duplicate-version',
      ].sort(),
    )
    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['1.0.0', 'dev-main'])
  })

  test('abuse 5: paths and links that lead out of the repository are never followed', async () => {
    const repository = await temporaryRepository()
    const [linked = '', readme = ''] = await repository.commit(
      { files: { 'composer.json': { mode: '120000', data: '../../../../../../etc/passwd' } } },
      packageCommit(
        { readme: '../../etc/passwd', bin: ['run'] },
        { 'README.md': { mode: '120000', data: '/etc/passwd' }, '-x': 'y' },
      ),
    )
    await repository.setRefs({ 'refs/heads/main': readme, 'refs/tags/1.0.0': linked, 'refs/tags/2.0.0': readme })
    const { app, source } = await createGitSource(repository)

    expect(await listSkippedRefs(app.ctx(), source)).toMatchObject([{ name: '1.0.0', code: 'invalid-json' }])
    const stored = await app.test.database.read.selectFrom('manifests').select('body').execute()
    expect(JSON.stringify(stored)).not.toContain('root:')
    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['2.0.0', 'dev-main'])
  })

  test('abuse 4, 6: a hostile manifest skips its own ref only, and names are held to the rules', async () => {
    const repository = await temporaryRepository()
    const commits = await repository.commit(
      packageCommit({ description: 'good' }),
      { files: { 'composer.json': `${'['.repeat(10_000)}${']'.repeat(10_000)}` } },
      { files: { 'composer.json': `{"name":"acme/http","description":"${'x'.repeat(20_000_000)}"}` } },
      {
        files: {
          'composer.json': '{"name":"acme/http","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
        },
      },
      { files: { 'composer.json': Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]) } },
      { files: { 'composer.json': Buffer.from('{"name":"acme/http"\u0000}'.replace('\\u0000', '\0')) } },
    )
    const tags = Object.fromEntries(commits.map((commit, index) => [`refs/tags/1.${index}.0`, commit]))
    await repository.setRefs({ 'refs/heads/main': commits[0] ?? '', ...tags })
    const { app, source } = await createGitSource(repository)

    const skipped = await listSkippedRefs(app.ctx(), source)

    expect(skipped.map((ref) => ref.name)).toEqual(['1.1.0', '1.2.0', '1.4.0', '1.5.0'])
    expect((await publishedVersions(app)).map((version) => version.version)).toEqual(['1.0.0', '1.3.0', 'dev-main'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('a sync that another one overtook writes nothing', async () => {
    const { repository, second } = await repositoryWithRelease()
    const { app, source, sync } = await createGitSource(repository)
    await repository.setRefs({ 'refs/tags/2.0.0': second })
    const report = memoryReport()
    const step = report.step.bind(report)
    report.step = async (name) => {
      await step(name)
      if (name === 'record') {
        await sync()
      }
    }

    expect(syncSource(app.ctx(SYSTEM), source.id, report)).rejects.toMatchObject({ code: 'sync_overtaken' })
    await Bun.sleep(300)
    await app.runJobs()

    expect(app.events.filter((event) => event.type === 'version.published' && event.version === '2.0.0')).toHaveLength(1)
  })

  test('of a removed source does nothing, and removing takes packages and mirror away', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, source, sync } = await createGitSource(repository)
    const before = await app.test.database.read.selectFrom('organizations').select('modified_at').executeTakeFirstOrThrow()

    await removeSource(app.ctx(), source)
    await app.runJobs()

    expect(await sync()).toBeNull()
    expect(await app.test.database.read.selectFrom('packages').select('id').execute()).toEqual([])
    expect(await app.ports.git.size(source.uid)).toBe(0)
    const after = await app.test.database.read.selectFrom('organizations').select('modified_at').executeTakeFirstOrThrow()
    expect(after.modified_at).toBeGreaterThan(before.modified_at)
  })

  test('CO-041 a package that was deleted and comes back never answers with an earlier time', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization, source } = await createGitSource(repository)
    const before = await app.test.database.read.selectFrom('packages').select('modified_at').executeTakeFirstOrThrow()

    await removeSource(app.ctx(), source)
    await addSource(app.ctx(), { organization, url: repository.url, credential: null })
    await app.runJobs()

    const after = await app.test.database.read.selectFrom('packages').select('modified_at').executeTakeFirstOrThrow()
    expect(after.modified_at).toBeGreaterThan(before.modified_at)
  })
})

describe('adding a source', () => {
  test('twice is refused, in another organization it is not', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization } = await createGitSource(repository)
    const other = await app.organization('other')

    expect(addSource(app.ctx(), { organization, url: repository.url, credential: null })).rejects.toMatchObject({
      code: 'source_exists',
    })
    await addSource(app.ctx(), { organization: other.id, url: repository.url, credential: null })
    await app.runJobs()

    expect(await publishedVersions(app)).toHaveLength(4)
  })

  test('abuse 1: a URL that git would take for something else is refused by name of the rule', async () => {
    const app = await createTestApp()
    const { id } = await app.organization()

    for (const url of [
      '--upload-pack=touch /tmp/x',
      'ext::sh -c id',
      '-oProxyCommand=id',
      'https://user:secret@example.org/x.git',
    ]) {
      expect(addSource(app.ctx(), { organization: id, url, credential: null })).rejects.toMatchObject({
        code: 'invalid_url',
        details: { rule: expect.any(String) },
      })
    }
  })

  test('abuse 64: a credential is stored encrypted, pinned to its origin, and never in an event', async () => {
    const app = await createTestApp()
    const { id } = await app.organization()
    const credential = { kind: 'basic' as const, username: 'ci', password: 'canary-7391-password' }

    await addSource(app.ctx(), { organization: id, url: 'https://git.example.org/acme/http.git', credential })
    app.leaveJobs()

    const rows = await app.test.database.read.selectFrom('credentials').selectAll().execute()
    expect(rows).toMatchObject([{ kind: 'basic', origin: 'https://git.example.org', username: 'ci' }])
    const everything = JSON.stringify([
      rows,
      app.events,
      await app.test.database.read.selectFrom('sources').selectAll().execute(),
    ])
    expect(everything).not.toContain('canary-7391')
  })

  test.each([
    ['a key for https', 'https://git.example.org/a.git', { kind: 'ssh_key' as const, privateKey: 'x' }],
    ['a password for ssh', 'ssh://git@git.example.org/a.git', { kind: 'basic' as const, username: 'a', password: 'b' }],
    [
      'a password with a line break',
      'https://git.example.org/a.git',
      { kind: 'basic' as const, username: 'a', password: 'b\nc' },
    ],
    ['something that is no key', 'ssh://git@git.example.org/a.git', { kind: 'ssh_key' as const, privateKey: 'x' }],
  ])('with %s is refused', async (_, url, credential) => {
    const app = await createTestApp()
    const { id } = await app.organization()

    expect(addSource(app.ctx(), { organization: id, url, credential })).rejects.toMatchObject({
      details: { field: 'credential' },
    })
  })
})
