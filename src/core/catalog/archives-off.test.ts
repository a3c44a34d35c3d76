import { describe, expect, test } from 'bun:test'
import { packageArchive, streamOf } from '../../../test/kit/archives.ts'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { createGitSource, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { collectBlobs, retireArchives, scrubBlobs, uploadArtifact } from '../sources/index.ts'
import { getAudience } from './audience.ts'
import { describePackage } from './describe-package.ts'
import { obtainDist } from './obtain-dist.ts'
import { refreshRendered } from './refresh-rendered.ts'
import { UnknownReferences } from './unknown-references.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'

const DAY = 24 * 60 * 60 * 1000

async function versionsOf(app: TestApp, name: string): Promise<Record<string, unknown>[]> {
  const audience = await getAudience(app.ctx(SYSTEM), 'acme')
  return (await describePackage(app.ctx(), audience, { name, repositoryUrl: 'https://r/acme' })).versions
}

async function download(app: TestApp, reference: string, name = 'acme/http') {
  const audience = await getAudience(app.ctx(SYSTEM), 'acme')
  return obtainDist(app.ctx(), audience, { name, reference, unknown: new UnknownReferences() })
}

describe('PR-607 where archives are switched off', () => {
  test('metadata has the source only, nothing is built, and the archive of a commit is not found', async () => {
    const app = await createTestApp({ git: true, archives: { enabled: false, keepReleases: 0 } })
    await refreshRendered(app.ctx(), 'https://packages.example.org')
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}))
    await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })

    await createGitSource(repository, app)

    for (const version of await versionsOf(app, 'acme/http')) {
      expect(version).toMatchObject({ source: { type: 'git', reference: commit } })
      expect(version).not.toHaveProperty('dist')
    }
    expect(await Array.fromAsync(app.blobs.list())).toEqual([])
    expect(download(app, commit)).rejects.toMatchObject({ code: 'dist_not_found' })
  })

  test('uploads keep their archives', async () => {
    const app = await createTestApp({ archives: { enabled: false, keepReleases: 0 } })
    await refreshRendered(app.ctx(), 'https://packages.example.org')
    const { id: organization } = await app.organization()
    const content = streamOf(packageArchive({ version: '1.0.0' }))

    const { artifact } = await uploadArtifact(app.ctx(), {
      organization,
      content,
      fileName: 'http.zip',
      expected: { name: null, version: null },
      onExisting: 'refuse',
      sha256: null,
    })

    expect(await versionsOf(app, 'acme/http')).toMatchObject([{ dist: { type: 'zip' } }])
    expect((await download(app, artifact.reference)).location.kind).toBe('bytes')
  })

  test('switching them off moves every Last-Modified, and on again brings the archives back', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}))
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const { app } = await createGitSource(repository)
    await refreshRendered(app.ctx(), 'https://packages.example.org')
    const [before] = await versionsOf(app, 'acme/http')
    const off = () => ({ ...app.ctx(), archives: { enabled: false, keepReleases: 0 } })

    expect(await refreshRendered(off(), 'https://packages.example.org')).toBe(true)
    expect((await versionsOf(app, 'acme/http'))[0]).not.toHaveProperty('dist')
    expect(await refreshRendered(app.ctx(), 'https://packages.example.org')).toBe(true)

    expect((await versionsOf(app, 'acme/http'))[0]).toEqual(before!)
  })

  test('a build that fails does not fail the sync of its ref', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}))
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const app = await createTestApp({ git: true })
    app.ports.git.listTree = () => Promise.reject(new Error('no tree'))

    await createGitSource(repository, app)

    app.expectFailedJobs(0)
    app.warnings.splice(0)
    expect((await versionsOf(app, 'acme/http')).map(({ version }) => version)).toEqual(['1.0.0'])
    const source = await app.test.database.read.selectFrom('sources').select('state').executeTakeFirstOrThrow()
    expect(source.state).toBe('ready')
  })
})

describe('PR-614 retention', () => {
  test('lets go of the archives of old releases, and what somebody asks for is built again with the same bytes', async () => {
    const app = await createTestApp({ git: true, archives: { enabled: true, keepReleases: 2 } })
    const repository = await temporaryRepository()
    const commits = await repository.commit(...[1, 2, 3, 4].map((minor) => packageCommit({}, { 'a.txt': String(minor) })))
    const refs = commits.map((commit, index) => [`refs/tags/1.${index + 1}.0`, commit] as const)
    await repository.setRefs({ ...Object.fromEntries(refs), 'refs/heads/main': commits[0]! })
    await createGitSource(repository, app)
    const before = await versionsOf(app, 'acme/http')

    await retireArchives(app.ctx(SYSTEM))
    const young = await app.test.database.read.selectFrom('dists').select('retired_at').execute()
    app.clock.advance('8 days')
    await retireArchives(app.ctx(SYSTEM))
    await retireArchives(app.ctx(SYSTEM))
    await collectBlobs(app.ctx(SYSTEM), memoryReport())

    expect(young.map(({ retired_at }) => retired_at)).toEqual([null, null, null, null])
    // The first release is also the head of the default branch.
    const retired = await app.test.database.read
      .selectFrom('dists')
      .select('reference')
      .where('retired_at', 'is not', null)
      .execute()
    expect(retired).toEqual([{ reference: commits[1]! }])
    expect(await Array.fromAsync(app.blobs.list())).toHaveLength(3)
    expect(await scrubBlobs(app.ctx(SYSTEM), memoryReport())).toEqual({ damaged: 0, missing: 0 })
    expect(await versionsOf(app, 'acme/http')).toEqual(before)

    const asked = download(app, commits[1]!)
    while ((await app.test.database.read.selectFrom('jobs').select('id').where('state', '=', 'queued').execute()).length === 0) {
      await Bun.sleep(5)
    }
    await app.runJobs()
    expect((await asked).location.kind).toBe('bytes')
    expect(await versionsOf(app, 'acme/http')).toEqual(before)
    expect(await Array.fromAsync(app.blobs.list())).toHaveLength(4)
    const again = await app.test.database.read.selectFrom('dists').select('built_at').where('retired_at', 'is', null).execute()
    expect(again).toHaveLength(4)
    expect(again.filter(({ built_at }) => built_at! > app.clock.now() - DAY)).toHaveLength(1)
  })
})
