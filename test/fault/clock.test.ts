/** Abuse 57: the clock of the machine is set back or ahead between and during the work. */
import { expect, test } from 'bun:test'
import { authenticate, createToken } from '../../src/core/access/index.ts'
import { addSource, requestSync } from '../../src/core/sources/index.ts'
import { createTestApp, type TestApp } from '../kit/app.ts'
import { createGitSource, packageCommit, temporaryRepository } from '../kit/git-source.ts'
import type { TestRepository } from '../kit/git-repository.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'

const JUMPS = ['-1 hour', '1 second', '1 day', '0 seconds', '-1 day', '-2 weeks', '1 week', '0 seconds']

async function readClock(app: TestApp) {
  const { db } = app.ctx()
  const row = await db.selectFrom('packages').select(['revision', 'modified_at as modifiedAt']).executeTakeFirstOrThrow()
  const organization = await db.selectFrom('organizations').select('modified_at').executeTakeFirstOrThrow()
  return { ...row, organization: organization.modified_at }
}

async function tagNext(repository: TestRepository, version: string): Promise<void> {
  const [commit = ''] = await repository.commit(packageCommit({ description: version }))
  await repository.setRefs({ 'refs/heads/main': commit, [`refs/tags/${version}`]: commit })
}

test('the time of a package grows with every change, whatever the clock of the machine does', async () => {
  const repository = await temporaryRepository()
  await tagNext(repository, 'v1.0.0')
  const { app, source } = await createGitSource(repository)
  let before = await readClock(app)

  for (const [index, jump] of JUMPS.entries()) {
    app.clock.advance(jump)
    await tagNext(repository, `v1.${index + 1}.0`)
    await requestSync(app.ctx(), source)
    await app.runJobs()

    const after = await readClock(app)
    expect(after.revision).toBeGreaterThan(before.revision)
    expect(after.modifiedAt).toBeGreaterThan(before.modifiedAt)
    expect(after.organization).toBeGreaterThanOrEqual(before.organization)
    before = after
  }
})

test('a job that was queued before the clock was set ahead or back runs at the latest when that time has come again', async () => {
  const repository = await temporaryRepository()
  await tagNext(repository, 'v1.0.0')
  const app = await createTestApp({ git: true })
  const { id: organization } = await app.organization()
  await addSource(app.ctx(), { organization, url: repository.url, credential: null })

  app.clock.advance('-1 hour')
  await app.runJobs()
  app.clock.advance('1 day')
  await app.runJobs()

  const jobs = await app.ctx().db.selectFrom('jobs').select(['kind', 'state']).execute()
  expect(jobs.map((job) => job.state)).toEqual(jobs.map(() => 'succeeded'))
})

test('a token expires by the clock as it stands, forwards and back', async () => {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  const expiresAt = app.clock.now() + 3_600_000
  const { secret } = await createToken(app.ctx(), { organization, name: 'hour', scopes: READ_SCOPES, packages: null, expiresAt })
  const isAccepted = async () => (await authenticate(app.ctx().db, secret, app.clock.now())) !== null

  expect(await isAccepted()).toBe(true)
  app.clock.set(expiresAt - 1)
  expect(await isAccepted()).toBe(true)
  app.clock.set(expiresAt)
  expect(await isAccepted()).toBe(false)
  app.clock.advance('1 day')
  expect(await isAccepted()).toBe(false)
  app.clock.advance('-2 days')
  expect(await isAccepted()).toBe(true)
})
