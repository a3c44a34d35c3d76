/** Packages on the console. */
import { expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { buildUser } from '../../kit/people.ts'
import { createConsole } from './console-kit.ts'

async function setUp() {
  const console = await createConsole()
  const { app } = console
  const organization = await app.organization()
  await buildPackage(app, { organization: organization.id })
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'admin' })
  const path = (name = 'acme/http') => `/app/api/organizations/${organization.uid}/packages/${name}/abandoned`
  return { ...console, app, organization, ada: await console.signedIn(), path }
}

test('CO-149 an admin says whether a package is abandoned, and what replaces it', async () => {
  const { ada, path } = await setUp()
  const say = async (abandoned: boolean | string) => (await ada.call('PUT', path(), { abandoned })).json()

  expect(await say('acme/next')).toEqual({ package: { name: 'acme/http', abandoned: 'acme/next' } })
  expect(await say(true)).toEqual({ package: { name: 'acme/http', abandoned: true } })
  expect(await say(false)).toEqual({ package: { name: 'acme/http', abandoned: false } })
  expect((await ada.call('PUT', path(), { abandoned: 'nonsense' })).status).toBe(400)
  expect((await ada.call('PUT', path('acme/none'), { abandoned: true })).status).toBe(404)
})

test('abuse 38 members may not, and strangers find nothing', async () => {
  const { app, organization, signedIn, path } = await setUp()
  await buildUser(app, { email: 'max@example.com', name: 'Max' })
  await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
  await addMember(app.ctx(), { organization, user: 'max@example.com', role: 'member' })
  const max = await signedIn('max@example.com')
  const eve = await signedIn('eve@example.com')

  expect((await max.call('PUT', path(), { abandoned: true })).status).toBe(403)
  expect((await eve.call('PUT', path(), { abandoned: true })).status).toBe(404)
})
