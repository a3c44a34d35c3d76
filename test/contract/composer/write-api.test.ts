import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { UPDATE_SCOPES, type Scope } from '../../../src/core/kernel/scopes.ts'
import { buildPackage, buildSource, buildToken } from '../../kit/build.ts'
import { BASE, createTestServer, type TestRequest } from '../../kit/http.ts'

const GIT = 'https://git.example.org/acme/http.git'

interface Answer {
  status: number
  body: { status: string; message?: unknown; jobs?: string[]; job?: string; type?: string; details?: string }
}

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  app.leaveJobs()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, name: 'acme/http' })
  const token = async (scopes: readonly Scope[], packages: readonly string[] | null = null) =>
    (await buildToken(app, organization, { scopes, packages })).secret
  const main = await token(UPDATE_SCOPES)
  const ask = async (method: string, path: string, request: TestRequest & { json?: unknown } = {}): Promise<Answer> => {
    const { json, ...rest } = request
    const sent =
      json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json', ...rest.headers } }
    const response = await server.send(`/acme${path}`, { method, ...rest, ...sent })
    return { status: response.status, body: (await response.json()) as Answer['body'] }
  }
  return {
    ...server,
    app,
    organization,
    main,
    safe: await token(['source:sync']),
    token,
    ask,
    jobs: () => app.test.database.read.selectFrom('jobs').select(['id', 'kind']).execute(),
    urls: async () =>
      (await app.test.database.read.selectFrom('sources').select('url').orderBy('id').execute()).map(({ url }) => url),
  }
}

const bearer = (secret: string) => ({ Authorization: `Bearer somebody:${secret}` })
const NEW = { repository: 'https://git.example.org/acme/new.git' }

describe('CO-145 create-package', () => {
  test.each([
    ['Bearer user:token', (main: string) => ({ headers: bearer(main), json: NEW })],
    ['Basic', (main: string) => ({ token: main, json: NEW })],
    ['a token in the JSON body', (main: string) => ({ json: { ...NEW, username: 'somebody', apiToken: main } })],
    [
      'a form',
      (main: string) => ({
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ ...NEW, username: 'somebody', apiToken: main }).toString(),
      }),
    ],
    [
      'a form with a payload',
      (main: string) => ({
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          payload: JSON.stringify({ repository: { url: NEW.repository } }),
          apiToken: main,
        }).toString(),
      }),
    ],
  ])('CO-145 adds a repository, with %s', async (_, request) => {
    const { ask, main, urls, jobs } = await setUp()

    const { status, body } = await ask('POST', '/api/create-package', request(main))

    expect([status, body.status]).toEqual([202, 'success'])
    expect(await urls()).toEqual([GIT, NEW.repository])
    expect(await jobs()).toMatchObject([{ kind: 'source.sync' }])
  })

  test.each([
    ['nobody', null, 406],
    ['an unknown token', 'rpt_unknown', 406],
    ['a safe token', 'safe', 403],
  ])('CO-145 is refused to %s', async (_, secret, status) => {
    const { ask, safe, urls } = await setUp()

    const answer = await ask('POST', '/api/create-package', { token: secret === 'safe' ? safe : secret, json: NEW })

    expect([answer.status, answer.body.status]).toEqual([status, 'error'])
    expect(await urls()).toEqual([GIT])
  })

  test.each([
    ['without a repository', {}],
    ['with an address that is none', { repository: 'no address' }],
    ['over ftp', { repository: 'ftp://git.example.org/a/b.git' }],
    ['with a secret in it', { repository: 'https://user:secret@git.example.org/a/b.git' }],
    ['that is there already', { repository: GIT }],
  ])('CO-145 says what is wrong with a repository %s', async (_, json) => {
    const { ask, main } = await setUp()

    const { status, body } = await ask('POST', '/api/create-package', { token: main, json })

    expect([status, body.status]).toEqual([406, 'error'])
    expect((body.message as { repository: string }).repository).toBeString()
  })

  test('abuse 41 CO-145 a token in the address is refused, however good it is', async () => {
    const { ask, main, urls } = await setUp()

    const { status, body } = await ask('POST', `/api/create-package?username=a&apiToken=${main}`, { json: NEW })

    expect(status).toBe(406)
    expect(JSON.stringify(body)).toContain('logs')
    expect(await urls()).toEqual([GIT])
  })
})

describe('CO-145 editing a package', () => {
  test('CO-145 gives its repository another address and reads it anew', async () => {
    const { ask, main, urls, jobs, app } = await setUp()

    const { status, body } = await ask('PUT', '/api/packages/acme/http', { headers: bearer(main), json: NEW })

    expect([status, body.status]).toEqual([200, 'success'])
    expect(await urls()).toEqual([NEW.repository])
    expect((await jobs()).map(({ id }) => String(id))).toEqual([body.job ?? ''])
    expect(app.events.at(-1)).toMatchObject({ type: 'source.url-changed', from: GIT, to: NEW.repository })
  })

  test('CO-145 an address that another source has is refused', async () => {
    const { app, organization, ask, main, urls } = await setUp()
    await buildSource(app, organization, 'acme/new')

    expect((await ask('PUT', '/api/packages/acme/http', { token: main, json: NEW })).status).toBe(406)
    expect(await urls()).toEqual([GIT, NEW.repository])
  })

  test.each([
    ['a safe token', 'safe', 403],
    ['nobody', null, 406],
  ])('CO-145 is refused to %s', async (_, secret, status) => {
    const { ask, safe } = await setUp()

    const answer = await ask('PUT', '/api/packages/acme/http', { token: secret === null ? null : safe, json: NEW })
    expect(answer.status).toBe(status)
  })

  test('CO-145 an unknown package is 404', async () => {
    const { ask, main } = await setUp()

    expect((await ask('PUT', '/api/packages/acme/none', { token: main, json: NEW })).status).toBe(404)
  })
})

describe('CO-145 update-package', () => {
  test.each([
    ['a plain address', '/api/update-package', { repository: GIT }],
    ['another spelling of it', '/api/update-package', { repository: 'git@GIT.example.org:Acme/http' }],
    ['a slash at its end', '/api/update-package', { repository: 'http://git.example.org/acme/http/' }],
    ['the page of the package', '/api/update-package', { repository: `${BASE}/acme/packages/acme/http` }],
    ['GitLab', '/api/update-package', { project: { git_http_url: GIT } }],
    ['GitHub', '/api/github', { repository: { url: 'https://git.example.org/acme/http', id: 5 } }],
    ['Bitbucket', '/api/bitbucket', { repository: { links: { html: { href: 'https://git.example.org/acme/http' } } } }],
    [
      'the old Bitbucket',
      '/api/bitbucket',
      { canon_url: 'https://git.example.org', repository: { absolute_url: '/acme/http/' } },
    ],
  ])('CO-145 asks for a sync, as %s names it', async (_, path, json) => {
    const { ask, safe, jobs } = await setUp()

    const first = await ask('POST', path, { headers: bearer(safe), json })
    const second = await ask('POST', path, { headers: bearer(safe), json })

    expect([first.status, first.body.status, first.body.type]).toEqual([202, 'success', 'manual'])
    // A sync that waits is enough.
    expect(second.body.jobs).toEqual(first.body.jobs ?? [])
    expect((await jobs()).map(({ id }) => String(id))).toEqual(first.body.jobs ?? [])
  })

  test('CO-145 a delivery that GitHub signed with the token is told so, and one with another signature is refused', async () => {
    const { server, send, safe } = await setUp()
    expect(server).toBeDefined()
    const body = JSON.stringify({ repository: { url: GIT } })
    const sign = (secret: string) => ({
      'Content-Type': 'application/json',
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    })
    const deliver = (secret: string) => send('/acme/api/github', { method: 'POST', token: safe, headers: sign(secret), body })

    const good = await deliver(safe)

    expect([good.status, await good.json()]).toMatchObject([202, { type: 'github_user_secret' }])
    expect((await deliver('another')).status).toBe(403)
  })

  test.each([
    ['an address that no source has', { repository: 'https://git.example.org/acme/other.git' }, 404],
    ['a part of an address', { repository: 'https://git.example.org/acme/htt' }, 404],
    ['a package that is not there', { repository: `${BASE}/acme/packages/acme/none` }, 404],
    ['no address', { repository: 'nonsense' }, 404],
    ['nothing', {}, 406],
    ['something else', [], 406],
  ])('CO-145 %s is no repository', async (_, json, status) => {
    const { ask, safe } = await setUp()

    expect((await ask('POST', '/api/update-package', { token: safe, json })).status).toBe(status)
  })

  test('CO-145 a missing or wrong token is 403, and so is one without the right', async () => {
    const { ask, token } = await setUp()
    const reader = await token(['composer', 'package:read'])
    const json = { repository: GIT }

    for (const secret of [null, 'rpt_unknown', reader]) {
      expect((await ask('POST', '/api/update-package', { token: secret, json })).status).toBe(403)
    }
  })

  test('CO-145 a body of more than a megabyte is refused', async () => {
    const { ask, safe } = await setUp()

    expect((await ask('POST', '/api/update-package', { token: safe, json: { a: 'x'.repeat(1_100_000) } })).status).toBe(413)
  })
})

describe('CO-147 jobs', () => {
  test('CO-147 a job is running until it is done, and says why it failed', async () => {
    const { app, ask, safe } = await setUp()
    const { body } = await ask('POST', '/api/update-package', { token: safe, json: { repository: GIT } })
    const path = `/jobs/${body.jobs?.[0]}`
    const state = async () => (await ask('GET', path, { token: safe })).body

    const running = await state()
    const set = (values: { state: 'succeeded' | 'failed'; error: string | null }) =>
      app.ports.database.write.updateTable('jobs').set(values).execute()
    await set({ state: 'failed', error: 'The repository could not be reached: no such host' })
    const failed = await state()
    await set({ state: 'succeeded', error: null })

    expect(running).toMatchObject({ status: 'running' })
    expect(failed).toMatchObject({ status: 'failed', details: 'The repository could not be reached: no such host' })
    expect(await state()).toEqual({ status: 'completed', message: 'The repository was read.' })
  })

  test('CO-147 jobs of others, of other kinds and those that are none are 404', async () => {
    const { app, ask, safe, send } = await setUp()
    const { id: other } = await app.organization('other')
    const { secret: foreign } = await buildToken(app, other, { scopes: ['source:sync'] })
    const { body } = await ask('POST', '/api/update-package', { token: safe, json: { repository: GIT } })

    expect((await send(`/other/jobs/${body.jobs?.[0]}`, { token: foreign })).status).toBe(404)
    expect((await send(`/acme/jobs/${body.jobs?.[0]}`, { token: foreign })).status).toBe(404)
    for (const id of ['999', 'abc', '0', '-1', '99999999999999999999']) {
      expect((await ask('GET', `/jobs/${id}`, { token: safe })).status).toBe(404)
    }
    expect((await send(`/acme/jobs/${body.jobs?.[0]}`)).status).toBe(401)
  })
})
