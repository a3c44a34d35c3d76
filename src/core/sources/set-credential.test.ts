import { afterEach, describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildToken } from '../../../test/kit/build.ts'
import { memoryReport, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { startGitServer, type GitServer } from '../../../test/kit/git-server.ts'
import { temporaryHost } from '../../../test/kit/http-source.ts'
import { failureOf } from '../../../test/kit/members.ts'
import { authenticate } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { addCustomSource } from './add-custom-source.ts'
import { addSource } from './add-source.ts'
import { refreshExpiry } from './credential-expiry.ts'
import type { CredentialInput } from './credentials.ts'
import { getSource } from './manage-sources.ts'
import { setCredential } from './set-credential.ts'
import { getSourceHealth } from './source-health.ts'
import type { Source } from './sources.sql.ts'
import { syncSource } from './sync-source.ts'

const DAY = 24 * 60 * 60 * 1000
const servers = new Set<GitServer>()

afterEach(async () => {
  for (const server of servers) {
    await server.stop()
  }
  servers.clear()
})

const bearer = (token: string): CredentialInput => ({ kind: 'bearer', token })

async function setUp() {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({ description: 'first' }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
  const server = await startGitServer(repository.directory)
  servers.add(server)
  server.behaviour.authorization = 'Bearer good'
  server.behaviour.challenge = 'Bearer realm="git"'
  const app = await createTestApp({ git: true })
  const { id: organization } = await app.organization()
  return {
    app,
    server,
    organization,
    add: async (token: string, expiresAt: number | null = null) => {
      const input = { organization, url: server.url, credential: bearer(token), credentialExpiresAt: expiresAt }
      const { source } = await addSource(app.ctx(), input)
      await app.runJobs()
      return source
    },
    read: (source: Source) => getSource(app.ctx(), { organization, uid: source.uid }),
    health: async (source: Source) =>
      (await getSourceHealth(app.ctx(), await getSource(app.ctx(), { organization, uid: source.uid }))).credential,
  }
}

async function credentials(app: TestApp) {
  return app.ports.database.read.selectFrom('credentials').selectAll().execute()
}

describe('abuse 14: a credential that its host refuses', () => {
  test('makes its source fail after one try, and keeps no other from going on', async () => {
    const { app, server, add, read, health } = await setUp()
    const source = await add('bad')
    const asked = server.requests.length

    const { id } = await app.organization('other')
    const other = await addSource(app.ctx(), { organization: id, url: server.url, credential: bearer('good') })
    await app.runJobs()

    expect(await read(source)).toMatchObject({ state: 'failing', problemCode: 'source_refused' })
    expect(await health(source)).toMatchObject({ state: 'refused', kind: 'bearer', origin: server.origin })
    expect((await getSource(app.ctx(), { organization: id, uid: other.source.uid })).state).toBe('ready')
    const jobs = app.ports.database.read
      .selectFrom('jobs')
      .select(['state', 'attempts'])
      .where('organization_id', '=', source.organization)
    expect(await jobs.execute()).toEqual([{ state: 'failed', attempts: 1 }])
    expect(server.requests.slice(asked).filter(({ authorization }) => authorization === 'Bearer bad')).toEqual([])
    app.expectFailedJobs(1)
  })

  test('is replaced: the old secret is gone, and a sync with the new one starts at once', async () => {
    const { app, server, add, read, health } = await setUp()
    const source = await add('bad')
    const [old] = await credentials(app)
    app.clock.advance('1 minute')

    await setCredential(app.ctx(), await read(source), { credential: bearer('good'), expiresAt: app.clock.now() + 90 * DAY })
    expect((await health(source))?.state).toBe('refused')
    await app.runJobs()

    expect(await read(source)).toMatchObject({ state: 'ready', problemCode: null })
    const now = app.clock.now()
    expect(await health(source)).toEqual({
      kind: 'bearer',
      origin: server.origin,
      state: 'works',
      addedAt: now,
      expiresAt: now + 90 * DAY,
    })
    const rows = await credentials(app)
    expect(rows).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain(old!.secret)
    expect(rows[0]!.uid).not.toBe(old!.uid)
    expect(app.events).toContainEqual(expect.objectContaining({ type: 'source.credential-changed', credential: 'bearer' }))
    expect(JSON.stringify(app.events)).not.toContain('good')
    app.expectFailedJobs(1)
  })

  test('or that cannot be opened any more is shown and replaced all the same', async () => {
    const { app, add, read, health } = await setUp()
    const source = await add('good')
    await app.ports.database.write.updateTable('credentials').set({ secret: 'v1.AAAA' }).execute()

    expect((await health(source))?.kind).toBe('bearer')
    await setCredential(app.ctx(), await read(source), { credential: bearer('good'), expiresAt: null })
    await app.runJobs()

    expect((await read(source)).state).toBe('ready')
  })

  test('is replaced at once also while its host is left alone, since that is for the old one', async () => {
    const { app, server, add, read } = await setUp()
    server.behaviour.status = 429
    server.behaviour.headers = { 'retry-after': '3600' }
    const source = await add('limited')
    server.behaviour.status = null

    await setCredential(app.ctx(), await read(source), { credential: bearer('good'), expiresAt: null })
    await app.runJobs()

    expect((await read(source)).state).toBe('ready')
    app.expectFailedJobs(1)
  })
})

describe('a new credential', () => {
  test('of two that come at once one stays, and no other secret', async () => {
    const { app, add, read } = await setUp()
    const source = await read(await add('good'))

    await Promise.all(
      ['good', 'other', 'third'].map((token) => setCredential(app.ctx(), source, { credential: bearer(token), expiresAt: null })),
    )

    expect(await credentials(app)).toHaveLength(1)
    await setCredential(app.ctx(), await read(source), { credential: null, expiresAt: null })
    expect(await credentials(app)).toEqual([])
    expect((await read(source)).credential).toBeNull()
    app.leaveJobs()
  })

  test.each<[string, CredentialInput | null, number | null]>([
    [
      'of a kind that does not fit',
      { kind: 'ssh_key', privateKey: '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----' },
      null,
    ],
    ['that is empty', bearer(''), null],
    ['with a line break', bearer('a\nb'), null],
    ['that has ended', bearer('good'), Date.parse('2026-02-01T00:00:00Z')],
    ['with an end that is no time', bearer('good'), Number.NaN],
    ['that is none but ends', null, Date.parse('2027-02-01T00:00:00Z')],
  ])('%s is refused, and the old one stays', async (_, credential, expiresAt) => {
    const { app, add, read } = await setUp()
    const source = await read(await add('good'))
    const before = await credentials(app)

    expect(await failureOf(setCredential(app.ctx(), source, { credential, expiresAt }))).toBe('invalid_input')
    expect(await credentials(app)).toEqual(before)
  })

  test('is only for those who may configure the source, and nobody is shown a secret', async () => {
    const { app, organization, add, read } = await setUp()
    const source = await read(await add('good'))
    const { secret } = await buildToken(app, organization, { scopes: ['source:read'] })
    const reader = await authenticate(app.ports.database.read, secret, app.clock.now())
    const foreign = await app.token((await app.organization('other')).id, 'update')

    const attempt = (actor: Parameters<TestApp['ctx']>[0]) =>
      failureOf(setCredential(app.ctx(actor), source, { credential: bearer('x'), expiresAt: null }))

    expect(await attempt(reader!)).toBe('scope_missing')
    expect(await attempt(foreign.actor)).toBe('foreign_organization')
    expect(await failureOf(getSourceHealth(app.ctx(foreign.actor), source))).toBe('foreign_organization')
    expect(JSON.stringify(await getSourceHealth(app.ctx(reader!), source))).not.toContain('good')
  })

  test('of a custom source is for the host of its archives', async () => {
    const { app, organization } = await setUp()
    const host = temporaryHost()
    host.serve('/plugin.zip', () => new Response(null, { status: 401 }))
    const entry = { name: 'acme/plugin', version: '1.0.0', dist: { type: 'zip', url: `${host.url}/plugin.zip` } }
    const definition = JSON.stringify(entry)
    const { source } = await addCustomSource(app.ctx(), { organization, definition, credential: null })
    await app.runJobs()

    await setCredential(app.ctx(), source, { credential: bearer('good'), expiresAt: null })
    await app.runJobs()

    expect((await credentials(app)).map(({ origin }) => origin)).toEqual([host.url])
    expect(host.seen.at(-1)?.authorization).toBe('Bearer good')
    app.expectFailedJobs(2)
  })
})

/** Calls whose requests to GitHub go to a host on this machine instead. */
function withGithub(app: TestApp, url: string): Ctx {
  const ctx = app.ctx(SYSTEM)
  const toLocal = (text: string) => text.replace('https://api.github.com', url)
  return {
    ...ctx,
    http: {
      ...ctx.http,
      fetch: (input) => {
        const { credential = null } = input
        const local = credential === null ? null : { ...credential, origin: toLocal(credential.origin) }
        return ctx.http.fetch({ ...input, url: toLocal(input.url), credential: local })
      },
    },
  }
}

async function addUnread(app: TestApp, organization: OrganizationId, url: string, credential: CredentialInput) {
  return (await addSource(app.ctx(), { organization, url, credential })).source
}

describe('abuse 14: the end of a token that its host knows', () => {
  const TOKEN = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'

  test('is read at GitHub, at most once a day, and sent to the host of its interface alone', async () => {
    const { app, organization, health } = await setUp()
    app.leaveJobs()
    const host = temporaryHost()
    let header = '2026-05-01 10:00:00 UTC'
    host.serve('/rate_limit', () => new Response('{}', { headers: { 'GitHub-Authentication-Token-Expiration': header } }))
    const source = await addUnread(app, organization, 'https://github.com/acme/private.git', {
      kind: 'basic',
      username: 'x-access-token',
      password: TOKEN,
    })

    await refreshExpiry(withGithub(app, host.url), source)
    await refreshExpiry(withGithub(app, host.url), source)

    expect(host.seen).toEqual([{ path: '/rate_limit', authorization: `Bearer ${TOKEN}` }])
    expect((await health(source))?.expiresAt).toBe(Date.parse('2026-05-01T10:00:00Z'))
    header = '2026-06-01 10:00:00 +0200'
    app.clock.advance('25 hours')
    await refreshExpiry(withGithub(app, host.url), source)
    expect((await health(source))?.expiresAt).toBe(Date.parse('2026-06-01T08:00:00Z'))
  })

  test('is read at a GitLab of whatever name with a sync, which does not depend on it', async () => {
    const { app, organization, health, read } = await setUp()
    const host = temporaryHost()
    host.serve('/api/v4/personal_access_tokens/self', () => Response.json({ id: 1, expires_at: '2026-04-30', active: true }))
    const url = `${host.url}/acme/private.git`
    const source = await addUnread(app, organization, url, bearer('glpat-abc.DEF_123'))
    const known = { ...app.ctx(SYSTEM), git: { ...app.ports.git, fetch: async () => undefined } }

    // The repository itself is not there: the sync ends after the question.
    await syncSource(known, source.id, memoryReport()).catch(() => undefined)

    expect((await health(source))?.expiresAt).toBe(Date.parse('2026-04-30T00:00:00Z'))
    expect((await read(source)).credential).toBe(source.credential)
    expect(host.seen).toEqual([{ path: '/api/v4/personal_access_tokens/self', authorization: 'Bearer glpat-abc.DEF_123' }])
    app.leaveJobs()
  })

  test.each<[string, (request: Request) => Response]>([
    ['is refused', () => new Response(null, { status: 401 })],
    ['gets no JSON', () => new Response('<html>')],
    ['gets something else', () => Response.json(['2027-01-01'])],
    ['gets a day that there is not', () => Response.json({ expires_at: '2026-99-99' })],
    ['gets a redirect', () => Response.redirect('http://127.0.0.1:1/')],
    ['gets too much', () => new Response(' '.repeat(200_000))],
    ['gets an end of never', () => Response.json({ expires_at: null })],
  ])('stays as it was given when the question %s', async (_, answer) => {
    const { app, organization, health } = await setUp()
    app.leaveJobs()
    const host = temporaryHost()
    host.serve('/api/v4/personal_access_tokens/self', answer)
    const expiresAt = app.clock.now() + 30 * DAY
    const { source } = await addSource(app.ctx(), {
      organization,
      url: `${host.url}/acme/private.git`,
      credential: bearer('glpat-abc'),
      credentialExpiresAt: expiresAt,
    })

    await refreshExpiry(app.ctx(SYSTEM), source)
    await refreshExpiry(app.ctx(SYSTEM), source)

    expect((await health(source))?.expiresAt).toBe(expiresAt)
    expect(host.seen).toHaveLength(1)
  })

  test('is not asked for with a secret of another form, or with none', async () => {
    const { app, organization } = await setUp()
    app.leaveJobs()
    const host = temporaryHost()
    const secrets: CredentialInput[] = [bearer('some-token'), { kind: 'basic', username: 'ada', password: 'a glpat- password' }]
    for (const [index, credential] of secrets.entries()) {
      await refreshExpiry(app.ctx(SYSTEM), await addUnread(app, organization, `${host.url}/${index}.git`, credential))
    }

    expect(host.seen).toEqual([])
  })
})
