/** Pricore's documented management API (contracts/pricore.md §6): credentials and scopes, over the whole server without a socket. */
import { describe, expect, test } from 'bun:test'
import { basic } from '../../kit/http.ts'
import { ACME, createRestWorld } from './rest-kit.ts'

describe('credentials', () => {
  test('PR-001 a bearer token is accepted, the scheme in any case and after any number of spaces', async () => {
    const { call, token } = await createRestWorld()
    for (const Authorization of [`Bearer ${token}`, `bearer ${token}`, `BEARER    ${token}`]) {
      expect(await call('GET', ACME, { headers: { Authorization } })).toMatchObject({ status: 200 })
    }
  })

  test('PR-002 a token as the password of Basic is accepted with any user name', async () => {
    const { call, token } = await createRestWorld()
    for (const user of ['token', 'whoever', '', 'a b']) {
      expect(await call('GET', ACME, { headers: { Authorization: basic(user, token) } })).toMatchObject({ status: 200 })
    }
  })

  test('PR-003 a token in the place of the user name is refused', async () => {
    const { call, token } = await createRestWorld()
    for (const password of ['', 'x-oauth-basic', 'x-token-auth']) {
      expect(await call('GET', ACME, { headers: { Authorization: basic(token, password) } })).toMatchObject({ status: 401 })
    }
  })

  test('PR-004 PR-015 PR-310 whatever is no token is refused alike, in JSON, with the challenge', async () => {
    const { call, token } = await createRestWorld()
    const headers = ['', 'Basic', 'Basic ***', `Digest ${token}`, `token ${token}`, `Basic ${btoa(token)}`, 'Bearer wrong']
    for (const Authorization of headers) {
      const answered = await call('GET', ACME, { headers: { Authorization, Accept: 'text/html' } })
      expect(answered).toMatchObject({ status: 401, body: { message: 'Unauthenticated.' } })
      expect(answered.headers.get('www-authenticate')).toBe('Bearer realm="Pricore"')
      expect(answered.headers.get('content-type')).toBe('application/json')
    }
  })

  test('PR-005 expired and revoked tokens are refused, at once', async () => {
    const { app, call, organizationToken } = await createRestWorld()
    const token = await organizationToken({ expiresAt: app.clock.now() + 1_000 })
    expect(await call('GET', ACME, { token })).toMatchObject({ status: 200 })

    app.clock.advance(1_001)

    expect(await call('GET', ACME, { token })).toMatchObject({ status: 401 })
  })

  test('PR-006 PR-310 a token of another organization is refused with 403, and an unknown organization is 404', async () => {
    const { call, organizationToken, other } = await createRestWorld()
    const token = await organizationToken({}, other)

    expect(await call('GET', ACME, { token })).toMatchObject({
      status: 403,
      body: { message: 'This token cannot access this organization.' },
    })
    expect(await call('GET', '/api/organizations/nobody', { token })).toMatchObject({
      status: 404,
      body: { message: 'Not found' },
    })
    expect(await call('GET', '/api/organizations/nobody', { token: 'wrong' })).toMatchObject({ status: 401 })
  })

  test('PR-007 a personal token reaches the organizations of its user, and loses them with the membership', async () => {
    const { app, call, person, personalToken, acme } = await createRestWorld()
    const user = await person('member')
    const token = await personalToken(user)
    expect(await call('GET', ACME, { token })).toMatchObject({ status: 200 })
    expect(await call('GET', '/api/organizations/other', { token })).toMatchObject({
      status: 403,
      body: { message: 'This action is unauthorized.' },
    })
    expect((await call('GET', '/api/organizations', { token })).body).toMatchObject({ data: [{ slug: 'acme' }] })

    await app.ports.database.write.deleteFrom('members').where('organization_id', '=', acme.id).execute()

    expect(await call('GET', ACME, { token })).toMatchObject({ status: 403 })
    expect((await call('GET', '/api/organizations', { token })).body).toEqual({ data: [] })
  })

  test('PR-009 the last use of a token is remembered', async () => {
    const { call, server, app } = await createRestWorld()
    await call('GET', ACME)
    await server.server.usage.fold(app.ports.database.write)

    expect((await call('GET', `${ACME}/tokens`)).body).toMatchObject({ data: [{ last_used_at: '2026-03-01T12:00:00Z' }] })
  })

  test('PR-010 a token imported without a prefix works, and only its hash is stored', async () => {
    const { app, call, acme } = await createRestWorld()
    const secret = 'q'.repeat(64)
    await app.ports.database.write
      .insertInto('tokens')
      .values({
        uid: app.ports.newId(),
        kind: 'organization',
        organization_id: acme.id,
        name: 'imported',
        hint: '…qqqq',
        secret_hash: new Bun.CryptoHasher('sha256').update(secret).digest('hex'),
        created_at: 1,
      })
      .execute()

    expect(await call('GET', ACME, { token: secret })).toMatchObject({ status: 200 })
  })
})

describe('scopes', () => {
  const NEEDS = [
    ['GET', '/api/organizations', 'read:organizations'],
    ['GET', ACME, 'read:organizations'],
    ['GET', `${ACME}/packages`, 'read:packages'],
    ['GET', `${ACME}/packages/acme/http`, 'read:packages'],
    ['GET', `${ACME}/repositories`, 'read:repositories'],
    ['POST', `${ACME}/repositories/x/sync`, 'write:repositories'],
    ['POST', `${ACME}/security/scan`, 'advisory:write'],
    ['GET', `${ACME}/tokens`, 'read:tokens'],
    ['POST', `${ACME}/tokens`, 'write:tokens'],
    ['DELETE', `${ACME}/tokens/x`, 'write:tokens'],
  ] as const

  test.each(NEEDS)('PR-012 PR-310 %s %s needs %s', async (method, path, scope) => {
    const { call, organizationToken } = await createRestWorld()

    const answered = await call(method, path, { token: await organizationToken({ scopes: [] }) })

    expect(answered).toMatchObject({ status: 403, body: { message: 'Insufficient token scope.', required_scope: scope } })
  })

  test.each(NEEDS.slice(5))('PR-310 %s %s needs an admin', async (method, path) => {
    const { call, person, personalToken } = await createRestWorld()

    const answered = await call(method, path, { token: await personalToken(await person('member')) })

    expect(answered).toMatchObject({ status: 403, body: { message: 'This action is unauthorized.' } })
  })

  test.each(NEEDS)('PR-310 %s %s answers 401 without a token, whether or not anything exists', async (method, path) => {
    const { call } = await createRestWorld()
    for (const address of [path, path.replace('acme', 'nobody')]) {
      expect(await call(method, address, { token: null })).toMatchObject({ status: 401 })
    }
  })

  test('PR-012 every word of the three vocabularies is accepted and kept as given', async () => {
    const { call } = await createRestWorld()
    const words = [
      'packages:read',
      'packages:write',
      'packages:delete',
      'read',
      'write',
      'composer',
      'read:mirrors',
      'delete:mirrors',
    ]

    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'all', scopes: words } })

    expect(created).toMatchObject({ status: 201, body: { data: { scopes: words } } })
  })

  test.each([
    ['packages:read', [200, 403]],
    ['read', [200, 403]],
    ['packages:write', [200, 403]],
    ['admin', [200, 200]],
    ['composer', [403, 403]],
    ['read:packages', [200, 403]],
    ['read:tokens', [403, 200]],
  ])('PR-012 a token with %s may read packages and tokens: %p', async (word, expected) => {
    const { call } = await createRestWorld()
    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'one', scopes: [word] } })
    const { token } = (created.body as { data: { token: string } }).data

    const packages = await call('GET', `${ACME}/packages`, { token })
    const tokens = await call('GET', `${ACME}/tokens`, { token })

    expect([packages.status, tokens.status]).toEqual(expected)
  })

  test('PR-013 a token cannot grant what it does not hold', async () => {
    const { call, organizationToken } = await createRestWorld()
    const token = await organizationToken({ scopes: ['token:write', 'package:read'] })
    const create = (scopes: string[]) => call('POST', `${ACME}/tokens`, { token, json: { name: 'x', scopes } })

    expect(await create(['read:packages'])).toMatchObject({ status: 201 })
    expect(await create(['read:packages', 'read:members'])).toMatchObject({
      status: 403,
      body: { message: "Token cannot grant the 'read:members' scope it does not itself hold." },
    })
    expect(await create(['admin'])).toMatchObject({ status: 403 })
  })
})
