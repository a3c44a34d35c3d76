/** Pricore's documented management API (contracts/pricore.md §6): organizations, packages and repositories, over the whole server without a socket. */
import { describe, expect, test } from 'bun:test'
import { buildPackage } from '../../kit/build.ts'
import { ACME, conforms, createRestWorld, uidOf, UUID } from './rest-kit.ts'

describe('organizations', () => {
  test('PR-301 an organization token lists its own organization', async () => {
    const { call, acme } = await createRestWorld()

    const { status, body } = await call('GET', '/api/organizations')

    expect(status).toBe(200)
    expect(body).toEqual({ data: [{ id: acme.uid, name: 'acme', slug: 'acme', created_at: '2026-03-01T12:00:00Z' }] })
    conforms('PR-301', body)
  })

  test('PR-302 an organization by its slug, with its description', async () => {
    const { app, call, acme } = await createRestWorld()
    const { body } = await call('GET', ACME)
    expect(body).toEqual({
      data: { id: acme.uid, name: 'acme', slug: 'acme', description: null, created_at: '2026-03-01T12:00:00Z' },
    })

    await app.ports.database.write.updateTable('organizations').set({ description: 'Tools' }).where('id', '=', acme.id).execute()

    const described = await call('GET', ACME)
    expect(described.body).toMatchObject({ data: { description: 'Tools' } })
    conforms('PR-302', described.body)
  })
})

describe('packages', () => {
  test('PR-303 packages by name, with search and pages', async () => {
    const { app, call, acme } = await createRestWorld()
    for (const name of ['acme/zeta', 'acme/alpha', 'acme/a_b']) {
      await buildPackage(app, { organization: acme.id, name, versions: ['1.0.0', '2.0.0-beta1', 'dev-main'] })
    }

    const all = await call('GET', `${ACME}/packages`)
    const searched = await call('GET', `${ACME}/packages?search=ALPH`)
    const literal = await call('GET', `${ACME}/packages?search=_`)
    const second = await call('GET', `${ACME}/packages?per_page=2&page=2`)
    const beyond = await call('GET', `${ACME}/packages?per_page=2&page=9`)

    conforms('PR-303', all.body)
    expect(all.body).toEqual({
      data: ['acme/a_b', 'acme/alpha', 'acme/zeta'].map((name) => ({
        id: expect.stringMatching(UUID),
        name,
        description: `The package ${name}.`,
        type: 'library',
        latest_version: '1.0.0',
        created_at: '2026-03-01T12:00:00Z',
      })),
      meta: { current_page: 1, last_page: 1, per_page: 20, total: 3 },
    })
    expect(searched.body).toMatchObject({ data: [{ name: 'acme/alpha' }], meta: { total: 1 } })
    expect(literal.body).toMatchObject({ data: [{ name: 'acme/a_b' }], meta: { total: 1 } })
    expect(second.body).toMatchObject({
      data: [{ name: 'acme/zeta' }],
      meta: { current_page: 2, last_page: 2, per_page: 2, total: 3 },
    })
    expect(beyond.body).toMatchObject({ data: [], meta: { current_page: 9, last_page: 2 } })
  })

  test.each([
    ['per_page=1000', 100],
    ['per_page=0', 20],
    ['per_page=-3', 20],
    ['per_page=many', 20],
    ['page=0', 20],
  ])('PR-303 ?%s gives pages of %d', async (query, perPage) => {
    const { call } = await createRestWorld()

    expect(await call('GET', `${ACME}/packages?${query}`)).toMatchObject({
      status: 200,
      body: { data: [], meta: { current_page: 1, last_page: 1, per_page: perPage, total: 0 } },
    })
  })

  test('PR-304 PR-616 PR-617 a package by uuid and by name, in plain and encoded, with its versions newest first', async () => {
    const world = await createRestWorld()
    const { app, call, acme } = world
    const time = '2026-01-02T03:04:05+02:00'
    await buildPackage(app, {
      organization: acme.id,
      versions: ['1.0.0', { version: '1.10.0', time }, '1.9.0', '2.0.0-RC1', 'dev-main', '1.x-dev'],
    })
    const uid = await uidOf(world, 'acme/http')

    const byName = await call('GET', `${ACME}/packages/acme/http`)

    conforms('PR-304', byName.body)
    expect(byName.body).toMatchObject({
      data: {
        id: uid,
        name: 'acme/http',
        type: 'library',
        repository: { provider: 'git', repo_identifier: 'https://git.example.org/acme/http.git' },
        created_at: '2026-03-01T12:00:00Z',
      },
    })
    const { versions } = (byName.body as { data: { versions: { version: string }[] } }).data
    expect(versions.map(({ version }) => version)).toEqual(['2.0.0-RC1', '1.10.0', '1.9.0', '1.0.0', '1.x-dev', 'dev-main'])
    expect(versions[1]).toEqual({
      version: '1.10.0',
      normalized_version: '1.10.0.0',
      released_at: '2026-01-02T01:04:05Z',
    } as never)
    for (const path of [uid, 'acme%2Fhttp', 'ACME/http']) {
      expect((await call('GET', `${ACME}/packages/${path}`)).body).toEqual(byName.body)
    }
    for (const path of ['acme/none', 'http', '00000000-0000-4000-8000-000000000000']) {
      expect(await call('GET', `${ACME}/packages/${path}`)).toMatchObject({ status: 404, body: { message: 'Not found' } })
    }
  })

  test('PR-616 the latest version is the highest stable one, else the highest pre-release, else none', async () => {
    const { app, call, acme } = await createRestWorld()
    await buildPackage(app, { organization: acme.id, name: 'acme/a', versions: ['1.2.0', '1.10.0', '2.0.0-beta1'] })
    await buildPackage(app, { organization: acme.id, name: 'acme/b', versions: ['1.0.0-alpha2', '1.0.0-RC1', 'dev-main'] })
    await buildPackage(app, { organization: acme.id, name: 'acme/c', versions: ['dev-main'] })

    const { body } = await call('GET', `${ACME}/packages`)

    expect((body as { data: { latest_version: unknown }[] }).data.map((item) => item.latest_version)).toEqual([
      '1.10.0',
      '1.0.0-RC1',
      null,
    ])
  })

  test('PR-011 a token for some packages sees those alone, and changes nothing', async () => {
    const world = await createRestWorld()
    const { app, call, acme } = world
    await buildPackage(app, { organization: acme.id, name: 'acme/seen' })
    await buildPackage(app, { organization: acme.id, name: 'acme/hidden' })
    const json = {
      name: 'limited',
      scopes: ['read', 'write:tokens', 'write:repositories'],
      packages: [await uidOf(world, 'acme/seen')],
    }
    const created = await call('POST', `${ACME}/tokens`, { json })
    const { token } = (created.body as { data: { token: string } }).data

    expect((await call('GET', `${ACME}/packages`, { token })).body).toMatchObject({
      data: [{ name: 'acme/seen' }],
      meta: { total: 1 },
    })
    expect(await call('GET', `${ACME}/packages/acme/hidden`, { token })).toMatchObject({ status: 404 })
    expect(await call('GET', `${ACME}/packages/${await uidOf(world, 'acme/hidden')}`, { token })).toMatchObject({ status: 404 })
    const repositories = await call('GET', `${ACME}/repositories`, { token })
    expect(repositories.body).toMatchObject({ data: [{ repo_identifier: 'https://git.example.org/acme/seen.git' }] })
    expect(await call('POST', `${ACME}/tokens`, { token, json: { name: 'x', scopes: [] } })).toMatchObject({ status: 403 })
    expect(await call('POST', `${ACME}/repositories/x/sync`, { token })).toMatchObject({ status: 403 })
    expect((await world.server.send('/acme/p2/acme/hidden.json', { token })).status).toBe(404)
    expect((await world.server.send('/acme/p2/acme/seen.json', { token })).status).toBe(200)
  })
})

describe('repositories', () => {
  test('PR-305 repositories by name, with provider, identifier and state', async () => {
    const { app, call, acme } = await createRestWorld()
    await buildPackage(app, { organization: acme.id, name: 'acme/http' })
    const { write } = app.ports.database
    const facts = { organization_id: acme.id, kind: 'vcs', credential_id: null, default_branch: null, sync_revision: 0 } as const
    const never = { problem_code: null, problem: null, synced_at: null, created_at: app.clock.now() }
    for (const [url, state] of [
      ['https://github.com/acme/web.git', 'failing'],
      ['git@gitlab.com:acme/group/api.git', 'new'],
      ['ssh://git@bitbucket.org/acme/db', 'ready'],
    ] as const) {
      await write
        .insertInto('sources')
        .values({ ...facts, ...never, uid: app.ports.newId(), url, state })
        .execute()
    }

    const { body } = await call('GET', `${ACME}/repositories`)

    conforms('PR-305', body)
    const id = expect.stringMatching(UUID)
    expect(body).toEqual({
      data: [
        { id, provider: 'gitlab', repo_identifier: 'acme/group/api', sync_status: null, last_synced_at: null },
        { id, provider: 'bitbucket', repo_identifier: 'acme/db', sync_status: 'ok', last_synced_at: null },
        {
          id,
          provider: 'git',
          repo_identifier: 'https://git.example.org/acme/http.git',
          sync_status: 'ok',
          last_synced_at: '2026-03-01T12:00:00Z',
        },
        { id, provider: 'github', repo_identifier: 'acme/web', sync_status: 'failed', last_synced_at: null },
      ],
    })
  })

  test('PR-306 a sync is queued once, however often it is asked for, and shows as pending', async () => {
    const { app, call, acme } = await createRestWorld()
    app.leaveJobs()
    await buildPackage(app, { organization: acme.id })
    const listed = (await call('GET', `${ACME}/repositories`)).body as { data: [{ id: string }] }
    const path = `${ACME}/repositories/${listed.data[0].id}/sync`

    for (let round = 0; round < 2; round += 1) {
      expect(await call('POST', path)).toMatchObject({ status: 200, body: { message: 'Sync queued successfully' } })
    }

    const jobs = await app.ports.database.read.selectFrom('jobs').select('kind').where('state', '=', 'queued').execute()
    expect(jobs).toEqual([{ kind: 'source.sync' }])
    expect((await call('GET', `${ACME}/repositories`)).body).toMatchObject({ data: [{ sync_status: 'pending' }] })
    expect(await call('POST', `${ACME}/repositories/nothing/sync`)).toMatchObject({ status: 404 })
  })
})
