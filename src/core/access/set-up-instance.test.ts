import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { isSetupOpen, isSetupSecret, openSetup, setUpInstance, type SetUpInstance } from './set-up-instance.ts'

const OWNER: SetUpInstance = {
  email: 'Ada@Example.org',
  name: 'Ada',
  password: 'correct horse battery',
  organization: { slug: 'acme', name: 'Acme' },
}

test('the link sets the installation up once', async () => {
  const app = await createTestApp()
  const secret = await openSetup(app.ctx())
  const setup = app.ctx({ kind: 'setup' })

  const { user, organization } = await setUpInstance(setup, OWNER, secret)

  expect(user).toMatchObject({ email: 'ada@example.org', isOperator: true })
  expect(organization.slug).toBe('acme')
  expect(await isSetupOpen(app.ctx())).toBe(false)
  expect(await isSetupSecret(app.ctx(), secret ?? '')).toBe(false)
  expect(await openSetup(app.ctx())).toBeNull()
  expect(setUpInstance(setup, OWNER, secret)).rejects.toMatchObject({ code: 'setup_not_open' })
  expect(setUpInstance(app.ctx(), OWNER, null)).rejects.toMatchObject({ code: 'setup_not_open' })
})

test('a new link replaces the old one', async () => {
  const app = await createTestApp()
  const first = await openSetup(app.ctx())
  const second = await openSetup(app.ctx())

  expect(await isSetupSecret(app.ctx(), first ?? '')).toBe(false)
  expect(await isSetupSecret(app.ctx(), second ?? '')).toBe(true)
})

test('a wrong link, no link and a wrong password leave the installation open', async () => {
  const app = await createTestApp()
  const secret = await openSetup(app.ctx())
  const setup = app.ctx({ kind: 'setup' })

  expect(setUpInstance(setup, OWNER, 'rpt_wrong')).rejects.toMatchObject({ code: 'setup_not_open' })
  expect(setUpInstance(setup, OWNER, null)).rejects.toMatchObject({ code: 'setup_not_open' })
  expect(setUpInstance(setup, { ...OWNER, password: 'short' }, secret)).rejects.toMatchObject({ details: { field: 'password' } })
  expect(setUpInstance(setup, { ...OWNER, organization: { slug: 'api', name: 'x' } }, secret)).rejects.toMatchObject({
    details: { field: 'slug' },
  })
  expect(setUpInstance(setup, { ...OWNER, email: 'nobody' }, secret)).rejects.toMatchObject({ details: { field: 'email' } })
  await Bun.sleep(0)
  expect(await isSetupOpen(app.ctx())).toBe(true)
})

test('of several who set up at once exactly one becomes the owner', async () => {
  const app = await createTestApp()
  const attempts = Array.from({ length: 5 }, (_, index) =>
    setUpInstance(
      app.ctx(),
      { ...OWNER, email: `o${index}@example.org`, organization: { slug: `org-${index}`, name: 'x' } },
      null,
    ),
  )

  const outcomes = await Promise.allSettled(attempts)

  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
  expect(await app.test.database.read.selectFrom('users').select('email').execute()).toHaveLength(1)
  expect(await app.test.database.read.selectFrom('organizations').select('slug').execute()).toHaveLength(1)
})
