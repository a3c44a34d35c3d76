import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import {
  createGitSource,
  memoryReport,
  packageCommit,
  publishedVersions,
  temporaryRepository,
} from '../../../test/kit/git-source.ts'
import { createHookSource } from '../../../test/kit/hook-source.ts'
import { reconcileSources } from './reconcile-sources.ts'
import { setSyncInterval } from './set-sync-interval.ts'
import { findSource } from './sources.sql.ts'

function reconcile(app: TestApp) {
  return reconcileSources(app.ctx(SYSTEM), memoryReport())
}

async function syncedSource() {
  const repository = await temporaryRepository()
  const [first = '', second = '', third = ''] = await repository.commit(
    packageCommit({}),
    packageCommit({ description: 'Second.' }),
    packageCommit({ description: 'Third.' }),
  )
  await repository.setRefs({ 'refs/tags/1.0.0': first })
  const { app, source, organization } = await createGitSource(repository)
  const read = async () => {
    const found = await findSource(app.test.database.read, source.id)
    if (found === null) {
      throw new Error('The source is gone.')
    }
    return found
  }
  return { app, organization, repository, second, third, read }
}

/** Rows as large installations have them; none of them can be fetched. */
async function insertSources(app: TestApp, count: number): Promise<void> {
  const { id } = await app.organization()
  const rows = Array.from({ length: count }, (_, number) => ({
    uid: `source-${number}`,
    organization_id: id,
    kind: 'vcs' as const,
    url: `https://git.example.org/${number}.git`,
    credential_id: null,
    state: 'ready' as const,
    default_branch: null,
    sync_revision: 0,
    problem_code: null,
    problem: null,
    synced_at: app.clock.now(),
    created_at: app.clock.now(),
    next_sync_at: app.clock.now() + number,
  }))
  await app.test.database.write.insertInto('sources').values(rows).execute()
}

async function queuedSyncs(app: TestApp) {
  return app.test.database.read
    .selectFrom('jobs')
    .select(['payload', 'lane'])
    .where('state', '=', 'queued')
    .orderBy('id')
    .execute()
}

describe('the reconciler', () => {
  test('finds a tag that no hook told of, when the interval is over', async () => {
    const { app, repository, second } = await syncedSource()
    await repository.setRefs({ 'refs/tags/1.1.0': second })

    app.clock.advance('14 minutes')
    expect(await reconcile(app)).toEqual({ due: 0, missed: 0 })
    app.clock.advance('3 minutes')
    expect(await reconcile(app)).toEqual({ due: 1, missed: 0 })
    await app.runJobs()

    expect((await publishedVersions(app)).map(({ version }) => version)).toEqual(['1.0.0', '1.1.0'])
    expect(await reconcile(app)).toEqual({ due: 0, missed: 0 })
  })

  test('counts the interval from the last sync, whoever asked for it', async () => {
    const { app, read } = await syncedSource()
    const hooked = await createHookSource({ app, source: await read() })
    app.clock.advance('16 minutes')

    await hooked.deliver()
    await app.runJobs()

    expect(await reconcile(app)).toEqual({ due: 0, missed: 0 })
    app.clock.advance('59 minutes')
    expect(await reconcile(app)).toEqual({ due: 0, missed: 0 })
    app.clock.advance('10 minutes')
    expect(await reconcile(app)).toMatchObject({ due: 1 })
    await app.runJobs()
  })

  test('takes the sources that wait longest, 200 at once, in the background', async () => {
    const app = await createTestApp()
    app.leaveJobs()
    await insertSources(app, 250)
    app.clock.advance('1 minute')

    expect(await reconcile(app)).toEqual({ due: 200, missed: 0 })
    const first = await queuedSyncs(app)
    expect(await reconcile(app)).toEqual({ due: 50, missed: 0 })
    expect(await reconcile(app)).toEqual({ due: 0, missed: 0 })

    expect(new Set(first.map(({ lane }) => lane))).toEqual(new Set(['background']))
    expect(await queuedSyncs(app)).toHaveLength(250)
    expect(app.events.filter(({ type }) => type === 'sources.reconciled')).toMatchObject([{ sources: 200 }, { sources: 50 }])
  })

  test('run twice at once asks for each sync once', async () => {
    const app = await createTestApp()
    app.leaveJobs()
    await insertSources(app, 20)
    app.clock.advance('1 minute')

    const runs = await Promise.all([reconcile(app), reconcile(app)])

    expect(runs.map(({ due }) => due).toSorted()).toEqual([0, 20])
    expect(await queuedSyncs(app)).toHaveLength(20)
  })

  test('looks at a source that does not succeed ever more seldom, up to a day', async () => {
    const app = await createTestApp()
    app.leaveJobs()
    await insertSources(app, 1)
    const pauses: number[] = []
    for (let look = 0; look < 9; look += 1) {
      const due = await app.test.database.read.selectFrom('sources').select('next_sync_at').executeTakeFirstOrThrow()
      pauses.push(due.next_sync_at - app.clock.now())
      app.clock.advance(due.next_sync_at - app.clock.now())
      expect(await reconcile(app)).toMatchObject({ due: 1 })
    }

    // A failure leaves the time alone; what was planned with the look stands.
    const shares = pauses.slice(1).map((pause, index) => pause / (15 * 60_000 * Math.min(96, 2 ** index)))
    for (const share of shares) {
      expect(share).toBeWithin(1, 1.126)
    }
  })

  test('forgets the failures of a source with its first success', async () => {
    const { app, repository, read } = await syncedSource()
    await app.test.database.write.updateTable('sources').set({ overdue_syncs: 7, next_sync_at: app.clock.now() }).execute()

    await reconcile(app)
    expect((await read()).overdueSyncs).toBe(8)
    await app.runJobs()

    expect(await read()).toMatchObject({ overdueSyncs: 0, state: 'ready' })
    expect((await read()).nextSyncAt - app.clock.now()).toBeWithin(15 * 60_000, 17 * 60_000)
    expect(repository.url).toBe((await read()).url)
  })

  test('keeps to an interval that somebody chose', async () => {
    const { app, read } = await syncedSource()

    await setSyncInterval(app.ctx(), await read(), 60)
    app.clock.advance('59 seconds')
    expect(await reconcile(app)).toMatchObject({ due: 0 })
    app.clock.advance('9 seconds')
    expect(await reconcile(app)).toMatchObject({ due: 1 })
    await app.runJobs()
    await setSyncInterval(app.ctx(), await read(), null)

    expect((await read()).syncInterval).toBeNull()
    expect((await read()).nextSyncAt - app.clock.now()).toBeWithin(15 * 60_000, 17 * 60_000)
  })
})

describe('a hook that missed a change', () => {
  async function hookedSource() {
    const made = await syncedSource()
    const hooked = await createHookSource({ app: made.app, source: await made.read() })
    made.app.clock.advance('2 hours')
    await hooked.deliver({ delivery: 'works' })
    await made.app.runJobs()
    made.app.clock.advance('10 minutes')
    return { ...made, hooked }
  }

  test('is said of the source and recorded once', async () => {
    const { app, repository, second, read } = await hookedSource()
    await repository.setRefs({ 'refs/tags/1.1.0': second })
    const since = (await read()).syncedAt
    app.clock.advance('1 hour')
    await reconcile(app)
    await app.runJobs()
    const found = app.clock.now()

    expect(await reconcile(app)).toMatchObject({ missed: 0 })
    app.clock.advance('2 minutes')
    expect(await reconcile(app)).toMatchObject({ missed: 1 })
    expect(await reconcile(app)).toMatchObject({ missed: 0 })

    expect((await read()).hookMissedAt).toBe(found)
    expect(app.events.filter(({ type }) => type === 'source.hook-missed')).toMatchObject([
      { source: (await read()).id, since, found },
    ])
  })

  test('is not said when the delivery comes after the sync that found the change', async () => {
    const { app, repository, second, hooked, read } = await hookedSource()
    await repository.setRefs({ 'refs/tags/1.1.0': second })
    app.clock.advance('70 minutes')
    await reconcile(app)
    await app.runJobs()
    app.clock.advance('30 seconds')

    await hooked.deliver({ delivery: 'late' })
    await app.runJobs()
    app.clock.advance('5 minutes')

    expect(await reconcile(app)).toMatchObject({ missed: 0 })
    expect((await read()).hookMissedAt).toBeNull()
  })

  test('is not said of changes from before the hook, nor without changes, nor of ordinary deliveries', async () => {
    const { app, repository, second, third, read } = await syncedSource()
    await repository.setRefs({ 'refs/tags/1.1.0': second })
    app.clock.advance('10 minutes')
    const hooked = await createHookSource({ app, source: await read() })
    app.clock.advance('10 minutes')
    for (const push of [async () => {}, async () => {}, () => repository.setRefs({ 'refs/tags/1.2.0': third })]) {
      await push()
      await hooked.deliver()
      await app.runJobs()
      app.clock.advance('2 hours')
      await reconcile(app)
      await app.runJobs()
      app.clock.advance('5 minutes')
      expect(await reconcile(app)).toMatchObject({ missed: 0 })
    }
  })

  test('is said again of the next change that it misses', async () => {
    const { app, repository, second, third, read } = await hookedSource()
    for (const refs of [{ 'refs/tags/1.1.0': second }, { 'refs/tags/1.2.0': third }]) {
      await repository.setRefs(refs)
      app.clock.advance('2 hours')
      await reconcile(app)
      await app.runJobs()
      app.clock.advance('3 minutes')
      expect(await reconcile(app)).toMatchObject({ missed: 1 })
    }
    expect((await read()).hookMissedAt).toBe((await read()).changedAt)
  })
})

test('an interval is a minute to 30 days, and only those who may change sources set it', async () => {
  const { app, organization, read } = await syncedSource()
  const { actor } = await app.token(organization)

  for (const seconds of [0, 59, 60.5, Number.NaN, 30 * 86_400 + 1]) {
    await expect(setSyncInterval(app.ctx(), await read(), seconds)).rejects.toMatchObject({ code: 'invalid_input' })
  }
  await expect(setSyncInterval(app.ctx(actor), await read(), 60)).rejects.toMatchObject({ kind: 'forbidden' })
})
