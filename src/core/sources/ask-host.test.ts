import { afterEach, describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { memoryReport, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { startGitServer, type GitServer } from '../../../test/kit/git-server.ts'
import { temporaryHost } from '../../../test/kit/http-source.ts'
import { createDeflateCache } from '../../composer/index.ts'
import { getJob } from '../jobs/index.ts'
import { findPackage } from '../packages/index.ts'
import { addCustomSource } from './add-custom-source.ts'
import { addSource } from './add-source.ts'
import { buildArchive } from './build-archive.ts'
import type { CredentialInput } from './credentials.ts'
import { getSource, requestSync } from './manage-sources.ts'
import { getSourceHealth } from './source-health.ts'
import type { Source } from './sources.sql.ts'

const MINUTE = 60_000
const servers = new Set<GitServer>()

afterEach(async () => {
  for (const server of servers) {
    await server.stop()
  }
  servers.clear()
})

const FIRST: CredentialInput = { kind: 'bearer', token: 'first-token' }
const SECOND: CredentialInput = { kind: 'bearer', token: 'second-token' }

async function setUp() {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({ description: 'first' }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
  const server = await startGitServer(repository.directory)
  servers.add(server)
  const app = await createTestApp({ git: true })
  const add = async (slug: string, credential: CredentialInput | null) => {
    const { id } = await app.organization(slug)
    return (await addSource(app.ctx(), { organization: id, url: server.url, credential })).source
  }
  return {
    app,
    server,
    commit,
    add,
    limit(status: number | null, headers: Record<string, string> = {}) {
      server.behaviour.status = status
      server.behaviour.headers = headers
    },
    read: (source: Source) => getSource(app.ctx(), { organization: source.organization, uid: source.uid }),
    pausedFor: async (source: Source) => {
      const { pausedUntil } = await getSourceHealth(app.ctx(), source)
      return pausedUntil === null ? null : (pausedUntil - app.clock.now()) / MINUTE
    },
  }
}

/** The requests that were sent with a credential. */
function askedWith(server: GitServer, token: string): number {
  return server.requests.filter(({ authorization }) => authorization === `Bearer ${token}`).length
}

async function syncNow(app: TestApp, source: Source) {
  const job = await requestSync(app.ctx(), source)
  await app.runJobs()
  return getJob(app.ctx(), job)
}

describe('abuse 15: PR-611: a host that limits requests', () => {
  test('is left alone with that credential until the time that it named, by all sources that have it, and with no other', async () => {
    const { app, server, add, limit, read, pausedFor } = await setUp()
    limit(429, { 'retry-after': '600' })
    const source = await add('acme', FIRST)
    await app.runJobs()
    limit(null)
    server.requests.length = 0

    const twin = await add('beta', FIRST)
    const other = await add('gamma', SECOND)
    const anonymous = await add('delta', null)
    await app.runJobs()

    expect(askedWith(server, 'first-token')).toBe(0)
    expect(await Promise.all([source, twin, other, anonymous].map(async (one) => (await read(one)).state))).toEqual([
      'new',
      'new',
      'ready',
      'ready',
    ])
    expect(await Promise.all([source, twin, other, anonymous].map(pausedFor))).toEqual([10, 10, null, null])
    app.clock.advance('9 minutes')
    await app.runJobs()
    expect(askedWith(server, 'first-token')).toBe(0)
    app.clock.advance('1 minute')
    await app.runJobs()
    expect([(await read(source)).state, (await read(twin)).state]).toEqual(['ready', 'ready'])
    expect(app.events.filter(({ type }) => type === 'source.paused')).toHaveLength(1)
    expect(app.events.map(({ type }) => type)).not.toContain('source.failed')
    app.expectFailedJobs(2)
  })

  test('is not asked by a person either, who is told until when, and what was published stays', async () => {
    const { app, server, add, limit, read } = await setUp()
    const source = await add('acme', FIRST)
    await app.runJobs()
    limit(429, { 'retry-after': '600' })
    expect((await syncNow(app, source)).error).toBe('The host limits requests and is not asked before 2026-03-01T12:10:00Z.')
    server.requests.length = 0
    app.clock.advance('1 minute')

    const job = await syncNow(app, source)

    expect(job).toMatchObject({ state: 'failed', attempts: 1, errorCode: 'source_limited' })
    expect(job.error).toBe('The host limits requests and is not asked before 2026-03-01T12:10:00Z.')
    expect(server.requests).toEqual([])
    expect(await read(source)).toMatchObject({ state: 'ready', problem: null })
    app.expectFailedJobs(2)
  })

  test('that does not say for how long gets more time whenever it says so again, up to an hour', async () => {
    const { app, server, add, limit, pausedFor } = await setUp()
    limit(429)
    const source = await add('acme', null)
    const pauses: (number | null)[] = []

    for (let time = 0; time < 8; time += 1) {
      await app.runJobs()
      const pause = await pausedFor(source)
      pauses.push(pause)
      app.clock.advance((pause ?? 0) * MINUTE)
    }

    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    // git, and the question for how long.
    expect(server.requests).toHaveLength(16)
    app.clock.advance('3 hours')
    await app.runJobs()
    expect(await pausedFor(source)).toBe(1)
    app.expectFailedJobs(9)
  })

  test('for ten years is asked again after a day', async () => {
    const { app, add, limit, pausedFor } = await setUp()
    limit(503, { 'retry-after': '315360000' })
    const source = await add('acme', null)
    await app.runJobs()

    expect(await pausedFor(source)).toBe(24 * 60)
    app.expectFailedJobs(1)
  })

  test('by 403 is told from one that refuses the credential', async () => {
    const { app, add, limit, read, pausedFor } = await setUp()
    limit(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 1_800) })
    const limited = await add('acme', FIRST)
    await app.runJobs()
    limit(403)
    const refused = await add('beta', SECOND)
    await app.runJobs()

    expect(await pausedFor(limited)).toBeWithin(29, 31)
    expect((await read(limited)).problemCode).toBeNull()
    expect(await pausedFor(refused)).toBeNull()
    expect((await read(refused)).problemCode).toBe('source_refused')
    app.expectFailedJobs(2)
  })

  test('is not asked for the archives of a mirror that got lost', async () => {
    const { app, server, commit, add, limit } = await setUp()
    const source = await add('acme', FIRST)
    await app.runJobs()
    limit(429, { 'retry-after': '60' })
    await syncNow(app, source)
    server.requests.length = 0
    await app.ports.git.remove(source.uid)
    const target = await findPackage(app.ports.database.read, source.organization, 'acme/http')
    await app.ports.database.write.updateTable('dists').set({ sha256: null, sha1: null, size: null, built_at: null }).execute()
    const build = () =>
      buildArchive(
        app.ctx(SYSTEM),
        { package: target!.id, reference: commit },
        { report: memoryReport(), cache: createDeflateCache(1_000) },
      )

    await expect(build()).rejects.toMatchObject({ code: 'source_limited', details: { seconds: 60 } })
    expect(server.requests).toEqual([])
    limit(null)
    app.clock.advance('1 minute')
    await build()
    await app.runJobs()
    app.expectFailedJobs(1)
  })

  test('of custom packages is asked for none of the other archives', async () => {
    const { app } = await setUp()
    const host = temporaryHost()
    const limited = () => new Response(null, { status: 429, headers: { 'retry-after': '300' } })
    for (const path of ['/one.zip', '/two.zip', '/three.zip']) {
      host.serve(path, limited)
    }
    const { id } = await app.organization()
    const definition = ['one', 'two', 'three'].map((name) => ({
      name: `acme/${name}`,
      version: '1.0.0',
      dist: { type: 'zip', url: `${host.url}/${name}.zip` },
    }))
    await addCustomSource(app.ctx(), { organization: id, definition: JSON.stringify(definition), credential: null })

    await app.runJobs()

    expect(host.seen).toHaveLength(1)
    app.expectFailedJobs(1)
  })
})
