import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { authenticate } from './authenticate.ts'
import { createToken } from './create-token.ts'
import { listTokens } from './list-tokens.ts'
import { revokeToken } from './revoke-token.ts'
import { hasTokenChecksum, mintTokenSecret } from './token-secret.ts'
import { READ_SCOPES } from '../kernel/scopes.ts'

describe('tokens', () => {
  test('a token is shown once and stored only as a hash', async () => {
    const app = await createTestApp()
    const { id } = await app.organization()

    const { secret, token } = await createToken(app.ctx(), {
      organization: id,
      name: 'CI',
      scopes: READ_SCOPES,
      packages: null,
      expiresAt: null,
    })

    expect(secret).toMatch(/^rpt_[0-9A-Za-z]{46}$/)
    expect(hasTokenChecksum(secret)).toBe(true)
    const rows = await app.test.database.read.selectFrom('tokens').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(secret.slice(4, 44))
    expect(token.hint).toBe(`rpt_…${secret.slice(-4)}`)
    expect((await listTokens(app.ctx(), { organization: id, page: { limit: 10, after: null } })).items).toEqual([token])
    expect(app.events.map((event) => event.type)).toEqual(['organization.created', 'token.created'])
  })

  test('a token authenticates until it expires', async () => {
    const app = await createTestApp()
    const { id } = await app.organization()
    const expiresAt = app.clock.now() + 60_000
    const { secret } = await createToken(app.ctx(), {
      organization: id,
      name: 'CI',
      scopes: READ_SCOPES,
      packages: ['Acme/*'],
      expiresAt,
    })

    expect(await authenticate(app.test.database.read, secret, app.clock.now())).toMatchObject({
      organization: id,
      packages: ['acme/*'],
    })

    app.clock.advance('1 minute')
    expect(await authenticate(app.test.database.read, secret, app.clock.now())).toBeNull()
  })

  test('a revoked token is refused from the next request on, and revoking twice changes nothing', async () => {
    const app = await createTestApp()
    const { id } = await app.organization()
    const { secret, uid } = await app.token(id)

    await revokeToken(app.ctx(), { owner: { organization: id }, uid })
    await revokeToken(app.ctx(), { owner: { organization: id }, uid })

    expect(await authenticate(app.test.database.read, secret, app.clock.now())).toBeNull()
    expect(app.events.filter((event) => event.type === 'token.revoked')).toHaveLength(1)
  })

  test('a token of another organization cannot be revoked and looks as if it did not exist', async () => {
    const app = await createTestApp()
    const acme = await app.organization('acme')
    const other = await app.organization('other')
    const { uid } = await app.token(acme.id)

    expect(revokeToken(app.ctx(), { owner: { organization: other.id }, uid })).rejects.toMatchObject({ code: 'token_not_found' })
  })

  test.each([
    ['an empty name', { name: ' ' }, 'name'],
    ['a name with a line break', { name: 'a\nb' }, 'name'],
    ['an address that is none', { addresses: ['10.0.0.300'] }, 'addresses'],
    ['a pattern that is no name', { packages: ['acme/../x'] }, 'packages'],
    ['a pattern with an empty part', { packages: ['acme/'] }, 'packages'],
  ])('%s is refused with the name of the field', async (_, wrong, field) => {
    const app = await createTestApp()
    const { id } = await app.organization()
    const input = { organization: id, name: 'CI', scopes: READ_SCOPES, packages: null, expiresAt: null, ...wrong }

    expect(createToken(app.ctx(), input)).rejects.toMatchObject({ code: 'invalid_input', details: { field } })
  })

  test('unknown, empty and huge secrets are refused alike', async () => {
    const app = await createTestApp()

    for (const secret of ['', 'x', mintTokenSecret(app.ports.random), 'y'.repeat(100_000)]) {
      expect(await authenticate(app.test.database.read, secret, app.clock.now())).toBeNull()
    }
  })

  test('a mistyped token fails its checksum', async () => {
    const app = await createTestApp()
    const secret = mintTokenSecret(app.ports.random)
    const mistyped = secret.slice(0, 10) + (secret[10] === 'a' ? 'b' : 'a') + secret.slice(11)

    expect(hasTokenChecksum(mistyped)).toBe(false)
  })
})
