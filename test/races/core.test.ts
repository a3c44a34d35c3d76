/** What two processes do to one database at once. Each race is run many times, on both databases. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { authenticate, createToken, revokeToken } from '../../src/core/access/index.ts'
import { isDomainError } from '../../src/core/kernel/errors.ts'
import type { JobReport } from '../../src/core/kernel/jobs.ts'
import { createDeflateCache } from '../../src/composer/index.ts'
import {
  addSource,
  buildArchive,
  getSource,
  removeSource,
  requestSync,
  syncSource,
  type Source,
} from '../../src/core/sources/index.ts'
import { memoryReport, packageCommit, temporaryRepository } from '../kit/git-source.ts'
import type { TestRepository } from '../kit/git-repository.ts'
import { createCorePair, type CorePair, type Side } from './core-kit.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'

const ROUNDS = 8

async function packageRepository(name: string): Promise<TestRepository> {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({ name }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
  return repository
}

/** The code of the expected failure, or what the call returned. Bugs are thrown. */
async function outcome<Result>(work: Promise<Result>): Promise<Result | string> {
  try {
    return await work
  } catch (error) {
    if (isDomainError(error)) {
      return error.code
    }
    throw error
  }
}

interface Gate {
  reached: Promise<void>
  arrive(): Promise<void>
  open(): void
}

function gate(): Gate {
  const [arrived, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  return {
    reached: arrived.promise,
    arrive() {
      arrived.resolve()
      return opened.promise
    },
    open: () => opened.resolve(),
  }
}

/** A report that holds its job at a step. */
function reportUntil(step: string, at: Gate): JobReport {
  const report = memoryReport()
  return {
    async step(name) {
      if (name === step) {
        await at.arrive()
      }
    },
    progress: report.progress,
    log: report.log,
  }
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  let pair: CorePair
  let left: Side
  let right: Side

  beforeEach(async () => {
    pair = await createCorePair(kind)
    ;({ left, right } = pair)
  })

  afterEach(() => pair.end())

  async function add(side: Side, repository: TestRepository): Promise<Source> {
    return (await addSource(side.ctx(), { organization: pair.organization, url: repository.url, credential: null })).source
  }

  async function countRows(table: 'tokens' | 'sources' | 'packages' | 'versions' | 'dists' | 'source_refs'): Promise<number> {
    return (await left.ports.database.write.selectFrom(table).selectAll().execute()).length
  }

  async function listEvents(type: string): Promise<unknown[]> {
    const rows = await left.ports.database.write.selectFrom('events').select('data').where('type', '=', type).execute()
    return rows.map((row) => JSON.parse(row.data) as unknown)
  }

  test('tokens that are issued at once are all different and all accepted', async () => {
    const input = { organization: pair.organization, name: 'same', scopes: READ_SCOPES, packages: null, expiresAt: null } as const
    const issued = await Promise.all(
      Array.from({ length: 40 }, (_, index) => createToken((index % 2 === 0 ? left : right).ctx(), input)),
    )

    expect(new Set(issued.map(({ token }) => token.id)).size).toBe(40)
    for (const { secret } of issued) {
      expect(await authenticate(right.ports.database.read, secret, Date.now())).not.toBeNull()
    }
    expect(await listEvents('token.created')).toHaveLength(40)
  })

  test('a token that is revoked twice at once is revoked once, for both', async () => {
    const { organization } = pair
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { token, secret } = await createToken(left.ctx(), {
        organization,
        name: 'gone',
        scopes: READ_SCOPES,
        packages: null,
        expiresAt: null,
      })
      await Promise.all(
        [left, right, left, right].map((side) => revokeToken(side.ctx(), { owner: { organization }, uid: token.uid })),
      )

      expect(await authenticate(left.ports.database.read, secret, Date.now())).toBeNull()
      expect(await authenticate(right.ports.database.read, secret, Date.now())).toBeNull()
      expect(await listEvents('token.revoked')).toHaveLength(round)
    }
  })

  test('of two sources with one URL added at once exactly one is there, with one sync', async () => {
    const repository = await packageRepository('acme/http')
    const { organization } = pair
    for (let round = 0; round < ROUNDS; round += 1) {
      const url = `${repository.url}-${round}`
      const results = await Promise.all(
        [left, right, left, right].map((side) => outcome(addSource(side.ctx(), { organization, url, credential: null }))),
      )

      expect(results.filter((result) => result === 'source_exists')).toHaveLength(3)
      expect(await countRows('sources')).toBe(round + 1)
      expect(await listEvents('source.added')).toHaveLength(round + 1)
      const jobs = await left.ports.database.write.selectFrom('jobs').select('id').execute()
      expect(jobs).toHaveLength(round + 1)
    }
  })

  test('of two sources that claim one package name at once exactly one publishes it, and the other reports it', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `acme/contested-${round}`
      const [one, two] = [await packageRepository(name), await packageRepository(name)]
      const [first, second] = [await add(left, one), await add(right, two)]
      const reports = [memoryReport(), memoryReport()] as const

      await Promise.all([syncSource(left.system(), first.id, reports[0]), syncSource(right.system(), second.id, reports[1])])

      const rows = await left.ports.database.write
        .selectFrom('packages')
        .select(['id', 'source_id'])
        .where('name', '=', name)
        .execute()
      expect(rows).toHaveLength(1)
      const loser = rows[0]!.source_id === first.id ? 1 : 0
      const line = `error: The package ${name} is published from another source of this organization; nothing of it was imported.`
      expect(reports[loser].lines).toContain(line)
      expect(reports[1 - loser]!.lines).not.toContain(line)
      const versions = await left.ports.database.write
        .selectFrom('versions')
        .select('id')
        .where('package_id', '=', rows[0]!.id)
        .execute()
      expect(versions).toHaveLength(2)
    }
    await pair.runJobs()
  }, 60_000)

  test('of two syncs of one source that record at once, as after a lost lease, one is kept and the other changes nothing', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const repository = await packageRepository(`acme/twice-${round}`)
      const source = await add(left, repository)
      const gates = [gate(), gate()] as const

      const late = syncSource(left.system(), source.id, reportUntil('record', gates[0]))
      await gates[0].reached
      await repository.setRefs({ 'refs/tags/v2.0.0': await repository.git(['rev-parse', 'refs/heads/main']) })
      const early = syncSource(right.system(), source.id, reportUntil('record', gates[1]))
      await gates[1].reached
      gates.forEach((one) => one.open())
      const results = await Promise.allSettled([late, early])

      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
      expect(refused).toEqual([expect.objectContaining({ code: 'sync_overtaken' })])
      const row = await left.ports.database.write
        .selectFrom('sources')
        .select('sync_revision')
        .where('id', '=', source.id)
        .executeTakeFirstOrThrow()
      expect(row.sync_revision).toBe(1)
      const kept = results[0].status === 'fulfilled' ? 2 : 3
      expect(
        await left.ports.database.write.selectFrom('source_refs').select('name').where('source_id', '=', source.id).execute(),
      ).toHaveLength(kept)
    }
    await pair.runJobs()
  }, 60_000)

  test('a source that is removed while it is synced is gone with all that it published', async () => {
    const repository = await packageRepository('acme/http')
    for (let round = 0; round < ROUNDS; round += 1) {
      const source = await add(left, repository)
      await syncSource(left.system(), source.id, memoryReport())
      await repository.setRefs({ [`refs/tags/v2.${round}.0`]: await repository.git(['rev-parse', 'refs/heads/main']) })

      const syncing = syncSource(left.system(), source.id, memoryReport()).then(
        () => '',
        (error: unknown) => (isDomainError(error) ? '' : Bun.inspect(error)),
      )
      await Bun.sleep(round * 6)
      await removeSource(right.ctx(), await getSource(right.ctx(), { organization: pair.organization, uid: source.uid }))

      expect(await syncing).toBe('')
      for (const table of ['sources', 'packages', 'versions', 'dists', 'source_refs'] as const) {
        expect({ table, rows: await countRows(table) }).toEqual({ table, rows: 0 })
      }
    }
    await pair.runJobs()
  }, 60_000)

  test('a source that is removed while an archive of it is recorded is gone, and the build fails as one of nothing', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const source = await add(left, await packageRepository(`acme/built-${round}`))
      await syncSource(left.system(), source.id, memoryReport())
      const { id, reference } = await left.ports.database.write
        .selectFrom('packages')
        .innerJoin('dists', 'dists.package_id', 'packages.id')
        .select(['packages.id', 'reference'])
        .executeTakeFirstOrThrow()
      const storing = gate()
      const tools = { report: reportUntil('store', storing), cache: createDeflateCache(0) }

      const building = outcome(buildArchive(left.system(), { package: id, reference }, tools))
      await storing.reached
      storing.open()
      await Promise.all([building.catch(() => {}), removeSource(right.ctx(), source)])

      expect([undefined, 'package_not_found', 'dist_not_found']).toContain((await building) as string | undefined)
      expect(await countRows('packages')).toBe(0)
      expect(await countRows('dists')).toBe(0)
    }
    await pair.runJobs()
  }, 60_000)

  test('removals of one source at once remove it once', async () => {
    const repository = await packageRepository('acme/http')
    const source = await add(left, repository)
    await pair.runJobs()

    const results = await Promise.all([left, right, left].map((side) => outcome(removeSource(side.ctx(), source))))

    expect(results.filter((result) => result === 'source_not_found')).toHaveLength(2)
    expect(await listEvents('source.removed')).toHaveLength(1)
    expect(await listEvents('package.deleted')).toHaveLength(1)
    await pair.runJobs()
  })

  test('a sync that is asked for from both sides while one runs is run by one side at a time', async () => {
    const repository = await packageRepository('acme/http')
    const source = await add(left, repository)
    const running = pair.runJobs()
    const asked = await Promise.all(
      Array.from({ length: 10 }, (_, index) => requestSync((index % 2 === 0 ? left : right).ctx(), source)),
    )
    await running
    await pair.runJobs()

    expect(new Set(asked).size).toBeLessThanOrEqual(10)
    const jobs = await left.ports.database.write
      .selectFrom('jobs')
      .select(['state', 'error'])
      .where('kind', '=', 'source.sync')
      .execute()
    expect(jobs.filter((job) => job.state !== 'succeeded')).toEqual([])
    expect(await listEvents('source.synced')).toHaveLength(jobs.length)
  })
})
