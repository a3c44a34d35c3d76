import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildUser, ctxAs, enter } from '../../../test/kit/people.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { insertMember } from '../organizations/index.ts'
import { authenticate } from './authenticate.ts'
import { createPersonalToken } from './create-token.ts'
import {
  addUser,
  createPasswordLink,
  deleteUserAccount,
  describeUser,
  getUser,
  listUsers,
  removeSecondFactors,
  signOutUser,
  switchUser,
} from './manage-users.ts'

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
}

test('people are added once, listed, and found by address and uid', async () => {
  const app = await createTestApp()
  const ada = await buildUser(app)
  await buildUser(app, { email: 'eve@example.com', name: 'Eve' })

  expect(await outcomeOf(buildUser(app, { email: 'ADA@example.com' }))).toBe('email_taken')
  expect(await outcomeOf(buildUser(app, { email: 'x@example.com', password: 'password123' }))).toBe('invalid_input')
  expect(await outcomeOf(getUser(app.ctx(), 'nobody@example.com'))).toBe('user_not_found')
  expect(await outcomeOf(getUser(app.ctx(), 'nobody'))).toBe('user_not_found')
  const first = await listUsers(app.ctx(), { limit: 1, after: null })
  const rest = await listUsers(app.ctx(), { limit: 10, after: first.next })
  expect([...first.items, ...rest.items].map(({ email }) => email)).toEqual(['ada@example.com', 'eve@example.com'])
  expect(await getUser(app.ctx(), 'Ada@Example.com')).toEqual(await getUser(app.ctx(), ada.uid))
})

test('only operators manage people, and a token never does', async () => {
  const app = await createTestApp()
  const ada = await buildUser(app)
  await buildUser(app, { email: 'root@example.com', name: 'Root', isOperator: true })
  const { actor: plain } = await enter(app)
  const { actor: operator } = await enter(app, 'root@example.com')
  const grant = { name: 'x', scopes: null, packages: null, expiresAt: null }
  const issued = await createPersonalToken(app.ctx(), { user: (operator as { user: typeof ada.id }).user, ...grant })
  const token = await authenticate(app.ports.database.read, issued.secret, app.clock.now())
  const commands: ((ctx: Ctx) => Promise<unknown>)[] = [
    (ctx) => addUser(ctx, { email: 'new@example.com', name: 'New', password: null, isOperator: true }),
    (ctx) => listUsers(ctx, { limit: 1, after: null }),
    (ctx) => describeUser(ctx, ada.uid),
    (ctx) => createPasswordLink(ctx, ada.uid),
    (ctx) => switchUser(ctx, ada.uid, 'disable'),
    (ctx) => switchUser(ctx, ada.uid, 'enable'),
    (ctx) => signOutUser(ctx, ada.uid),
    (ctx) => removeSecondFactors(ctx, ada.uid),
    (ctx) => deleteUserAccount(ctx, ada.uid),
  ]

  for (const command of commands) {
    expect(await outcomeOf(command(ctxAs(app, plain)))).toBe('forbidden')
    expect(await outcomeOf(command(ctxAs(app, token ?? { kind: 'anonymous' })))).toBe('forbidden')
    expect(await outcomeOf(command(ctxAs(app, { kind: 'anonymous' })))).toBe('unauthenticated')
  }
  for (const command of commands) {
    expect(await outcomeOf(command(ctxAs(app, operator)))).toMatch(/^(done|factor_not_found)$/)
  }
})

test('a deleted person is gone with tokens, sessions and memberships; the only owner of an organization stays', async () => {
  const app = await createTestApp()
  const organization = await app.organization()
  const [ada, eve] = [await buildUser(app), await buildUser(app, { email: 'eve@example.com', name: 'Eve' })]
  const join = { organization: organization.id, role: 'owner', createdAt: app.clock.now() } as const
  await insertMember(app.ports.database.write, { ...join, user: ada.id })
  const grant = { name: 'x', scopes: null, packages: null, expiresAt: null }
  const { secret } = await createPersonalToken(app.ctx(), { user: ada.id, ...grant })
  await enter(app)

  const refused = deleteUserAccount(app.ctx(), ada.uid)
  await expect(refused).rejects.toMatchObject({ code: 'sole_owner', details: { organizations: 'acme' } })
  await insertMember(app.ports.database.write, { ...join, user: eve.id })
  await deleteUserAccount(app.ctx(), ada.uid)

  expect(await authenticate(app.ports.database.read, secret, app.clock.now())).toBeNull()
  for (const table of ['sessions', 'tokens'] as const) {
    expect(await app.ports.database.read.selectFrom(table).selectAll().execute()).toEqual([])
  }
  expect(await outcomeOf(getUser(app.ctx(), ada.uid))).toBe('user_not_found')
  expect(await outcomeOf(deleteUserAccount(app.ctx(), eve.uid))).toBe('sole_owner')
})

test('of two last owners who are deleted at once one stays', async () => {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  const owners = [await buildUser(app), await buildUser(app, { email: 'eve@example.com', name: 'Eve' })]
  for (const { id: user } of owners) {
    await insertMember(app.ports.database.write, { organization, user, role: 'owner', createdAt: 1 })
  }

  const outcomes = await Promise.all(owners.map(({ uid }) => outcomeOf(deleteUserAccount(app.ctx(), uid))))

  expect(outcomes.sort()).toEqual(['done', 'sole_owner'])
})
