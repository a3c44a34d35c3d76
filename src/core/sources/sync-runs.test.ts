import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { createGitSource, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { addSource } from './add-source.ts'
import { listSyncRuns } from './list-sync-runs.ts'
import { getSource, requestSync } from './manage-sources.ts'

const PAGE = { limit: 200, after: null }

async function repositoryWithRelease() {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({}, { 'README.md': '# Hello' }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit, 'refs/tags/nightly': commit })
  return { repository, commit }
}

describe('PR-609 the log of a source', () => {
  test('has the numbers of each sync, newest first', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, source, sync } = await createGitSource(repository)
    const [next = ''] = await repository.commit(packageCommit({ description: 'two' }))
    await repository.setRefs({ 'refs/heads/main': next, 'refs/tags/1.0.0': null, 'refs/tags/1.1.0': next })
    app.clock.advance('1 hour')

    await sync()
    await app.runJobs()
    const { items, isPending } = await listSyncRuns(app.ctx(), source, PAGE)

    expect(isPending).toBe(false)
    expect(items).toMatchObject([
      {
        state: 'success',
        startedAt: app.clock.now(),
        completedAt: app.clock.now(),
        errorCode: null,
        error: null,
        added: 1,
        updated: 1,
        skipped: 1,
        failed: 0,
        removed: 1,
        details: { tags: 2, branches: 1, refs: 3, unchanged: 1, read: 2, staleVersions: 1, readmes: 1 },
      },
      {
        state: 'success',
        startedAt: app.clock.now() - 3_600_000,
        completedAt: app.clock.now() - 3_600_000,
        errorCode: null,
        error: null,
        added: 2,
        updated: 0,
        skipped: 1,
        failed: 0,
        removed: 0,
        details: { tags: 2, branches: 1, refs: 3, unchanged: 0, read: 3, staleVersions: 0, readmes: 1 },
      },
    ])
  })

  test('has a failure with its reason, and says when a sync is on its way', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, organization, source } = await createGitSource(repository)
    await repository.remove()

    await requestSync(app.ctx(), source)
    expect((await listSyncRuns(app.ctx(), source, PAGE)).isPending).toBe(true)
    await app.runJobs()
    app.leaveJobs()

    const failing = await getSource(app.ctx(), { organization, uid: source.uid })
    const { items } = await listSyncRuns(app.ctx(), source, PAGE)
    expect(items[0]).toMatchObject({
      state: 'failed',
      errorCode: failing.problemCode,
      error: failing.problem,
      details: null,
      added: 0,
    })
    expect(failing.problem).not.toBeNull()
  })

  test('keeps the newest hundred, in pages', async () => {
    const { repository } = await repositoryWithRelease()
    const { app, source, sync } = await createGitSource(repository)
    const [run] = (await listSyncRuns(app.ctx(), source, PAGE)).items
    const old = await app.test.database.read.selectFrom('sync_runs').selectAll().executeTakeFirstOrThrow()
    const { id: _, ...row } = old
    const more = Array.from({ length: 110 }, (__, index) => ({ ...row, uid: `more-${index}` }))
    await app.test.database.write.insertInto('sync_runs').values(more).execute()

    await sync()

    const { items } = await listSyncRuns(app.ctx(), source, PAGE)
    expect(items).toHaveLength(100)
    expect(items.map(({ uid }) => uid)).not.toContain(run?.uid)
    const page = await listSyncRuns(app.ctx(), source, { limit: 60, after: null })
    const rest = await listSyncRuns(app.ctx(), source, { limit: 60, after: page.next })
    expect([page.items.length, rest.items.length, rest.next]).toEqual([60, 40, null])
  })

  test('belongs to one source', async () => {
    const { repository } = await repositoryWithRelease()
    const app = await createTestApp()
    const { id } = await app.organization()
    const { source } = await addSource(app.ctx(), { organization: id, url: repository.url, credential: null })
    app.leaveJobs()

    expect(await listSyncRuns(app.ctx(), source, PAGE)).toEqual({ items: [], next: null, isPending: true })
  })
})
