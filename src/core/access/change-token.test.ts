import { beforeEach, describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { authenticate } from './authenticate.ts'
import { changeToken, rotateToken } from './change-token.ts'
import { createToken, type TokenGrant } from './create-token.ts'
import { revokeToken } from './revoke-token.ts'

let app: TestApp
let organization: OrganizationId

beforeEach(async () => {
  app = await createTestApp()
  organization = (await app.organization()).id
})

function issue(grant: Partial<TokenGrant> = {}) {
  return createToken(app.ctx(), { organization, name: 'CI', scopes: null, packages: null, expiresAt: null, ...grant })
}

function find(secret: string) {
  return authenticate(app.test.database.read, secret, app.clock.now())
}

describe('a rotated token', () => {
  const rotate = (uid: string, overlap = 60_000, actor?: Actor) =>
    rotateToken(app.ctx(actor), { owner: { organization }, uid, overlap })

  test('has a new secret at once, and the old one works until the overlap is over', async () => {
    const { token, secret } = await issue()

    const rotated = await rotate(token.uid)

    expect(rotated.secret).not.toBe(secret)
    expect(rotated.token).toMatchObject({ id: token.id, hint: `rpt_…${rotated.secret.slice(-4)}` })
    expect(await find(rotated.secret)).toMatchObject({ token: token.id, expiresAt: null })
    expect(await find(secret)).toMatchObject({ token: token.id, expiresAt: app.clock.now() + 60_000 })
    app.clock.advance('1 minute')
    expect(await find(secret)).toBeNull()
    expect(await find(rotated.secret)).not.toBeNull()
    expect(app.events.at(-1)).toEqual({ type: 'token.rotated', organization, token: token.id, name: 'CI' })
  })

  test('keeps the prefix of the dialect that issued it', async () => {
    const { token } = await issue({ prefix: 'pri_' })

    expect((await rotate(token.uid)).secret).toMatch(/^pri_\w{46}$/)
  })

  test('without an overlap ends the old secret now', async () => {
    const { token, secret } = await issue()

    await rotate(token.uid, 0)

    expect(await find(secret)).toBeNull()
  })

  test('twice has the last secret and the one before, and no third', async () => {
    const { token, secret } = await issue()
    const second = await rotate(token.uid)

    const third = await rotate(token.uid)

    expect(await find(secret)).toBeNull()
    expect(await find(second.secret)).not.toBeNull()
    expect(await find(third.secret)).not.toBeNull()
  })

  test('does not outlive its expiry by the overlap, nor a revocation', async () => {
    const { token, secret } = await issue({ expiresAt: app.clock.now() + 1_000 })
    const rotated = await rotate(token.uid)
    expect(await find(secret)).toMatchObject({ expiresAt: app.clock.now() + 1_000 })

    await revokeToken(app.ctx(), { owner: { organization }, uid: token.uid })

    expect([await find(secret), await find(rotated.secret)]).toEqual([null, null])
    expect(rotate(token.uid)).rejects.toMatchObject({ code: 'token_not_found' })
  })

  test('is refused an overlap that is none', async () => {
    const { token } = await issue()
    for (const overlap of [-1, 1.5, Number.NaN, 31 * 24 * 60 * 60 * 1000]) {
      expect(rotate(token.uid, overlap)).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'overlap' } })
    }
  })

  test('is not rotated by a token that holds less, which would learn its secret', async () => {
    const { token } = await issue()
    const weak = await find((await issue({ scopes: ['token:write'] })).secret)

    expect(rotate(token.uid, 0, weak ?? undefined)).rejects.toMatchObject({ code: 'scope_exceeds_own' })
  })
})

describe('a changed token', () => {
  test('has its new name and scopes from the next request on', async () => {
    const { token, secret } = await issue({ scopes: ['composer'], scopeLabels: ['composer'] })

    const changed = await changeToken(app.ctx(), {
      owner: { organization },
      uid: token.uid,
      name: 'Other',
      scopes: { scopes: ['package:read'], labels: ['read:packages'] },
    })

    expect(changed).toEqual({ ...token, name: 'Other', scopes: ['package:read'], scopeLabels: ['read:packages'] })
    expect(await find(secret)).toMatchObject({ scopes: ['package:read'] })
  })

  test('keeps its scopes when they are left out', async () => {
    const { token } = await issue({ scopes: ['composer'] })

    expect(await changeToken(app.ctx(), { owner: { organization }, uid: token.uid, name: 'New' })).toMatchObject({
      name: 'New',
      scopes: ['composer'],
    })
  })
})

describe('where a token may be used', () => {
  test.each([
    ['192.0.2.0/24', true],
    ['2001:db8::/32', true],
    ['192.0.2.7', true],
    ['0.0.0.0/0', true],
    ['192.0.2.0/33', false],
    ['192.0.2', false],
    ['fe80::1%eth0', false],
    ['example.org', false],
    ['', false],
  ])('%j is accepted: %p', async (network, isAccepted) => {
    const outcome = await issue({ addresses: [network] }).then(
      () => true,
      () => false,
    )

    expect(outcome).toBe(isAccepted)
  })
})
