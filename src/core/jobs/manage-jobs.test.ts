import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { createGitSource, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { requestSync } from '../sources/index.ts'
import { getJob, listJobLog, listJobs, retryJob } from './manage-jobs.ts'

async function synced() {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({}))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/nightly': commit })
  return createGitSource(repository)
}

test('jobs are listed newest first, page by page, with their state and log', async () => {
  const { app, organization } = await synced()
  const filter = { organization, state: null, kind: null }

  const first = await listJobs(app.ctx(), filter, { limit: 1, after: null })
  const second = await listJobs(app.ctx(), filter, { limit: 1, after: first.next })

  expect(first.items).toMatchObject([{ kind: 'archives.prebuild', state: 'succeeded' }])
  expect(second.items).toMatchObject([{ kind: 'source.sync', state: 'succeeded', attempts: 1 }])
  expect(second.next).toBeNull()
  const sync = second.items[0]
  const log = sync === undefined ? [] : await listJobLog(app.ctx(), sync, 0)
  expect(log.map((line) => line.line)).toEqual([
    'Skipped tag nightly, invalid tag name',
    '1 versions published, 0 updated, 0 removed.',
  ])
})

test('a failed job is retried, any other is not', async () => {
  const { app, organization, repository, source } = await synced()
  await repository.remove()
  const id = await requestSync(app.ctx(), source)
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await app.runJobs()
    app.clock.advance('1 hour')
  }
  const failed = await getJob(app.ctx(), id)
  expect(failed).toMatchObject({ state: 'failed', errorCode: 'source_unreachable', attempts: 5 })

  await retryJob(app.ctx(), failed)
  expect(await getJob(app.ctx(), failed.uid)).toMatchObject({ state: 'queued', attempts: 0, error: null })
  expect(retryJob(app.ctx(), failed)).rejects.toMatchObject({ code: 'job_not_retryable' })
  await app.runJobs()
  expect((await listJobs(app.ctx(), { organization, state: 'failed', kind: null }, { limit: 9, after: null })).items).toEqual([])
  app.leaveJobs()
  app.warnings.length = 0
})

test('jobs of another organization are refused, unknown ones do not exist', async () => {
  const { app, organization } = await synced()
  const other = await app.organization('other')
  const { actor } = await app.token(other.id, 'update')

  expect(listJobs(app.ctx(actor), { organization, state: null, kind: null }, { limit: 9, after: null })).rejects.toMatchObject({
    kind: 'forbidden',
  })
  expect(getJob(app.ctx(), 'nothing')).rejects.toMatchObject({ code: 'job_not_found' })
})

test('an empty queue has no jobs', async () => {
  const app = await createTestApp()

  expect(await listJobs(app.ctx(), { organization: null, state: null, kind: null }, { limit: 9, after: null })).toEqual({
    items: [],
    next: null,
  })
})
