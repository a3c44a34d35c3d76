/** Pricore's documented management API (contracts/pricore.md §6): tokens, over the whole server without a socket. */
import { describe, expect, test } from 'bun:test'
import { buildPackage } from '../../kit/build.ts'
import { ACME, conforms, createRestWorld, uidOf, UUID } from './rest-kit.ts'

describe('tokens', () => {
  test('PR-307 tokens are listed newest first and without their secrets', async () => {
    const { app, call, token } = await createRestWorld()
    app.clock.advance('1 hour')
    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'CI', expires_at: '2027-01-01' } })
    const { token: secret, id } = (created.body as { data: { token: string; id: string } }).data

    const { body } = await call('GET', `${ACME}/tokens`)

    conforms('PR-307', body)
    expect(body).toEqual({
      data: [
        {
          id,
          name: 'CI',
          scopes: ['packages:read'],
          last_used_at: null,
          expires_at: '2027-01-01T00:00:00Z',
          created_at: '2026-03-01T13:00:00Z',
        },
        {
          id: expect.stringMatching(UUID),
          name: 'token',
          scopes: ['admin'],
          last_used_at: null,
          expires_at: null,
          created_at: '2026-03-01T12:00:00Z',
        },
      ],
    })
    for (const hidden of [secret, token, new Bun.CryptoHasher('sha256').update(secret).digest('hex')]) {
      expect(JSON.stringify(body)).not.toContain(hidden)
    }
  })

  test('PR-308 PR-010 a token is created with everything that it was asked for', async () => {
    const world = await createRestWorld()
    const { app, call, acme } = world
    await buildPackage(app, { organization: acme.id })
    const packages = [await uidOf(world, 'acme/http')]
    const json = { name: '  CI/CD  ', scopes: ['composer'], expires_at: '2027-01-01T10:00:00+02:00', packages, unknown: true }

    const { status, body } = await call('POST', `${ACME}/tokens`, { json })

    const { token } = (body as { data: { token: string } }).data
    expect((await world.server.send('/acme/packages.json', { token })).status).toBe(200)
    expect(token).toMatch(/^pri_[0-9A-Za-z]{40,}$/)
    expect(status).toBe(201)
    conforms('PR-308', body)
    expect(body).toMatchObject({
      data: { name: 'CI/CD', scopes: ['composer'], packages, expires_at: '2027-01-01T08:00:00Z' },
    })
  })

  test.each(['never', null, undefined])('PR-308 an expiry of %p is none', async (expires_at) => {
    const { call } = await createRestWorld()

    expect(await call('POST', `${ACME}/tokens`, { json: { name: 'x', expires_at } })).toMatchObject({
      status: 201,
      body: { data: { expires_at: null } },
    })
  })

  test('PR-308 an expiry in the past is accepted and gives a token that does not work', async () => {
    const { call } = await createRestWorld()

    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'old', scopes: ['admin'], expires_at: '2025-01-01' } })

    expect(created).toMatchObject({ status: 201, body: { data: { expires_at: '2025-01-01T00:00:00Z' } } })
    const { token } = (created.body as { data: { token: string } }).data
    expect(await call('GET', ACME, { token })).toMatchObject({ status: 401 })
  })

  test.each([
    [{}, { name: ['The name field is required.'] }],
    [{ name: '  ' }, { name: ['The name field is required.'] }],
    [{ name: 7 }, { name: ['The name field must be a string.'] }],
    [{ name: 'x'.repeat(256) }, { name: ['The name field must not be greater than 255 characters.'] }],
    [{ name: 'a\nb' }, { name: ['The name field format is invalid.'] }],
    [{ name: 'x', scopes: 'read' }, { scopes: ['The scopes field must be an array.'] }],
    [{ name: 'x', scopes: ['read', 'nonsense'] }, { 'scopes.1': ['The selected scopes.1 is invalid.'] }],
    [{ name: 'x', scopes: [{}] }, { 'scopes.0': ['The selected scopes.0 is invalid.'] }],
    [{ name: 'x', scopes: ['__proto__'] }, { 'scopes.0': ['The selected scopes.0 is invalid.'] }],
    [{ name: 'x', expires_at: 'soon' }, { expires_at: ['The expires at field must be a valid date.'] }],
    [{ name: 'x', expires_at: '2027-02-30' }, { expires_at: ['The expires at field must be a valid date.'] }],
    [{ name: 'x', expires_at: 5 }, { expires_at: ['The expires at field must be a string.'] }],
    [{ name: 'x', packages: ['acme/http'] }, { 'packages.0': ['The packages.0 field must be a valid UUID.'] }],
    [
      { name: 'x', packages: ['00000000-0000-4000-8000-000000000000'] },
      { 'packages.0': ['The selected packages.0 is invalid.'] },
    ],
  ])('PR-308 PR-014 %j is refused field by field', async (json, errors) => {
    const { call } = await createRestWorld()

    const { status, body } = await call('POST', `${ACME}/tokens`, { json })

    expect([status, body]).toEqual([422, { message: Object.values(errors)[0]?.[0], errors }])
  })

  test('PR-014 with more errors the message counts them', async () => {
    const { call } = await createRestWorld()
    const post = (json: unknown) => call('POST', `${ACME}/tokens`, { json })

    expect((await post({ scopes: 1 })).body).toMatchObject({ message: 'The name field is required. (and 1 more error)' })
    expect((await post({ scopes: 1, expires_at: 'x' })).body).toMatchObject({
      message: 'The name field is required. (and 2 more errors)',
    })
  })

  test.each(['{', '[]', '"x"', '\u0000'])('PR-016 the body %j is refused with 400', async (body) => {
    const { call } = await createRestWorld()

    expect(await call('POST', `${ACME}/tokens`, { body })).toMatchObject({ status: 400, body: { message: expect.any(String) } })
  })

  test('PR-308 a package of another organization is no package', async () => {
    const world = await createRestWorld()
    const { app, call, other } = world
    await buildPackage(app, { organization: other.id })
    const row = await app.ports.database.read.selectFrom('packages').select('uid').executeTakeFirstOrThrow()

    expect(await call('POST', `${ACME}/tokens`, { json: { name: 'x', packages: [row.uid] } })).toMatchObject({ status: 422 })
  })

  test('PR-309 a revoked token stops working at once, and foreign ids are unknown', async () => {
    const { call, organizationToken, other } = await createRestWorld()
    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'gone', scopes: ['read'] } })
    const { token, id } = (created.body as { data: { token: string; id: string } }).data
    expect(
      await call('DELETE', `/api/organizations/other/tokens/${id}`, { token: await organizationToken({}, other) }),
    ).toMatchObject({
      status: 404,
    })

    const revoked = await call('DELETE', `${ACME}/tokens/${id}`)

    conforms('PR-309', revoked.body)
    expect(revoked).toMatchObject({ status: 200, body: { message: 'Token revoked successfully' } })
    expect(await call('GET', ACME, { token })).toMatchObject({ status: 401 })
    for (const unknown of ['nothing', '00000000-0000-4000-8000-000000000000']) {
      expect(await call('DELETE', `${ACME}/tokens/${unknown}`)).toMatchObject({ status: 404, body: { message: 'Not found' } })
    }
  })

  test('PR-309 a token may revoke itself, whatever its scopes', async () => {
    const { call } = await createRestWorld()
    const created = await call('POST', `${ACME}/tokens`, { json: { name: 'self', scopes: [] } })
    const { token, id } = (created.body as { data: { token: string; id: string } }).data

    expect(await call('DELETE', `${ACME}/tokens/${id}`, { token })).toMatchObject({ status: 200 })
    expect(await call('DELETE', `${ACME}/tokens/${id}`, { token })).toMatchObject({ status: 401 })
  })
})
