/** Sources in Subversion and Mercurial, from being added to archives and metadata. */
import { afterEach, describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { memoryReport, publishedVersions } from '../../../test/kit/git-source.ts'
import { createHgRepository, type HgTestRepository } from '../../../test/kit/hg-repository.ts'
import { createSvnRepository, type SvnTestRepository } from '../../../test/kit/svn-repository.ts'
import type { VcsSystem } from '../kernel/source-url.ts'
import { addSource } from './add-source.ts'
import { removeSource } from './manage-sources.ts'
import { selectRevisions } from './source-revisions.sql.ts'
import type { Source } from './sources.sql.ts'
import { syncSource } from './sync-source.ts'

const MANIFEST = JSON.stringify({ name: 'acme/http', description: 'first' })
const repositories = new Set<{ remove(): Promise<void> }>()

afterEach(async () => {
  for (const repository of repositories) await repository.remove()
  repositories.clear()
})

function untilEnd<Repository extends { remove(): Promise<void> }>(repository: Repository): Repository {
  repositories.add(repository)
  return repository
}

async function publish(url: string, vcs: VcsSystem): Promise<{ app: TestApp; source: Source }> {
  const app = await createTestApp({ git: true })
  const { id: organization } = await app.organization()
  const { source } = await addSource(app.ctx(), { organization, url, vcs, credential: null })
  await app.runJobs()
  return { app, source }
}

async function svnWithRelease(): Promise<SvnTestRepository> {
  const repository = untilEnd(await createSvnRepository())
  await repository.commit({ 'trunk/composer.json': MANIFEST, 'trunk/src/a.php': '<?php' })
  await repository.copy('trunk', 'tags/1.0.0')
  await repository.copy('trunk', 'branches/next')
  return repository
}

async function hgWithRelease(): Promise<HgTestRepository> {
  const repository = untilEnd(await createHgRepository())
  await repository.commit({ 'composer.json': MANIFEST, 'src/a.php': '<?php' })
  await repository.hg('tag', 'v1.0.0')
  return repository
}

async function revisionsOf(app: TestApp, source: Source): Promise<Record<string, string | undefined>> {
  const { read } = app.test.database
  const { id } = await read.selectFrom('packages').select('id').where('name', '=', 'acme/http').executeTakeFirstOrThrow()
  const revisions = await selectRevisions(read, source.id, id)
  return Object.fromEntries((await publishedVersions(app)).map(({ version, reference }) => [version, revisions.get(reference)]))
}

async function archivesOf(app: TestApp): Promise<(string | null)[]> {
  const rows = await app.test.database.read.selectFrom('dists').select('sha256').orderBy('id').execute()
  return rows.map(({ sha256 }) => sha256)
}

describe('a Subversion source', () => {
  test('publishes trunk, branches and tags with the references that Composer checks out, and builds their archives', async () => {
    const { app, source } = await publish((await svnWithRelease()).url, 'svn')

    expect((await publishedVersions(app)).map(({ version, isDefault }) => [version, isDefault])).toEqual([
      ['1.0.0', 0],
      ['dev-next', 0],
      ['dev-trunk', 1],
    ])
    expect(await revisionsOf(app, source)).toEqual({
      '1.0.0': '/tags/1.0.0/@3',
      'dev-next': '/branches/next/@4',
      'dev-trunk': '/trunk/@2',
    })
    // The default branch and the release; other branches are built when somebody asks.
    expect((await archivesOf(app)).filter((sha256) => sha256 !== null)).toHaveLength(2)
  })

  test('follows moved tags and deleted branches, and a sync without changes publishes nothing', async () => {
    const repository = await svnWithRelease()
    const { app, source } = await publish(repository.url, 'svn')
    const [before] = await publishedVersions(app)

    await repository.commit({ 'tags/1.0.0/composer.json': JSON.stringify({ name: 'acme/http', description: 'second' }) })
    await repository.mucc('rm', 'branches/next')
    const changed = await syncSource(app.ctx(SYSTEM), source.id, memoryReport())
    await app.runJobs()
    const same = await syncSource(app.ctx(SYSTEM), source.id, memoryReport())

    expect(changed).toMatchObject({ updated: 1, removed: 1 })
    expect(same).toMatchObject({ published: 0, updated: 0, removed: 0 })
    expect((await publishedVersions(app)).map(({ version }) => version)).toEqual(['1.0.0', 'dev-trunk'])
    expect((await publishedVersions(app))[0]?.reference).not.toBe(before?.reference)
    expect((await revisionsOf(app, source))['1.0.0']).toBe('/tags/1.0.0/@5')
  })

  test('abuse 13 and 24: what was published is there when the repository is gone, and a lost mirror is imported to the same bytes', async () => {
    const repository = await svnWithRelease()
    const { app, source } = await publish(repository.url, 'svn')
    const built = await archivesOf(app)
    const references = (await publishedVersions(app)).map(({ reference }) => reference)

    await app.ports.git.remove(source.uid)
    await syncSource(app.ctx(SYSTEM), source.id, memoryReport())
    expect((await publishedVersions(app)).map(({ reference }) => reference)).toEqual(references)

    await repository.remove()
    const failure = await syncSource(app.ctx(SYSTEM), source.id, memoryReport()).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'source_unreachable' })
    expect(await archivesOf(app)).toEqual(built)
    expect(await publishedVersions(app)).toHaveLength(3)
    for (const reference of references) expect(await app.ports.git.findCommit(source.uid, reference)).not.toBeNull()
  })

  test('is removed with what it remembers', async () => {
    const { app, source } = await publish((await svnWithRelease()).url, 'svn')

    await removeSource(app.ctx(), source)
    await app.runJobs()

    expect(await app.ports.git.size(source.uid)).toBe(0)
    expect(await app.test.database.read.selectFrom('source_revisions').selectAll().execute()).toEqual([])
  })
})

describe('a Mercurial source', () => {
  test('publishes tags and branches with their changesets', async () => {
    const repository = await hgWithRelease()
    const { app, source } = await publish(repository.url, 'hg')
    const nodeOf = async (name: string) => (await repository.hg('log', '-r', name, '-T', '{node}')).trim()

    expect((await publishedVersions(app)).map(({ version, isDefault }) => [version, isDefault])).toEqual([
      ['v1.0.0', 0],
      ['dev-default', 1],
    ])
    expect(await revisionsOf(app, source)).toEqual({ 'v1.0.0': await nodeOf('v1.0.0'), 'dev-default': await nodeOf('default') })
    expect((await archivesOf(app)).every((sha256) => sha256 !== null)).toBe(true)
  })

  test('follows what moves', async () => {
    const repository = await hgWithRelease()
    const { app, source } = await publish(repository.url, 'hg')

    await repository.commit({ 'src/b.php': '<?php' })
    await repository.hg('tag', 'v1.1.0')
    const outcome = await syncSource(app.ctx(SYSTEM), source.id, memoryReport())
    await app.runJobs()

    expect(outcome).toMatchObject({ published: 1, updated: 1, removed: 0 })
  })
})

describe('adding a source of another system', () => {
  test('the URL decides where nobody says it', async () => {
    const app = await createTestApp()
    const { id: organization } = await app.organization()
    const add = async (url: string) => (await addSource(app.ctx(), { organization, url, credential: null })).source.vcs

    expect(await add('svn+ssh://git@svn.example.org/acme')).toBe('svn')
    expect(await add('hg+https://hg.example.org/acme')).toBe('hg')
    expect(await add('https://git.example.org/acme')).toBe('git')
    app.leaveJobs()
  })

  test('a token alone is refused where the system cannot present it', async () => {
    const app = await createTestApp()
    const { id: organization } = await app.organization()
    const credential = { kind: 'bearer' as const, token: 'x' }

    const failure = await addSource(app.ctx(), { organization, url: 'https://a.example.org/x', vcs: 'hg', credential }).catch(
      (error: unknown) => error,
    )

    expect(failure).toMatchObject({ code: 'invalid_input', details: { field: 'credential' } })
  })
})
