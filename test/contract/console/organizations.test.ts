/** Organizations, members, teams and invitations on the console. */
import { describe, expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { buildUser } from '../../kit/people.ts'
import { createConsole, ORIGIN, type Browser } from './console-kit.ts'

const PASSWORD = 'a long and winding road'

async function setUp() {
  const console = await createConsole()
  const { app } = console
  const organization = await app.organization()
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'owner' })
  const ada = await console.signedIn()
  const base = `/app/api/organizations/${organization.uid}`
  const read = async <Body>(path: string, by: Browser = ada) => (await (await by.get(path)).json()) as Body
  return { ...console, app, organization, ada, base, read }
}

async function bodyOf<Body>(response: Response): Promise<Body> {
  expect([response.status, response.ok]).toEqual([response.status, true])
  return (await response.json()) as Body
}

describe('an organization', () => {
  test('is shown with the own role, changed, and deleted', async () => {
    const { ada, base, read, send } = await setUp()

    expect(await read<object>(base)).toMatchObject({ organization: { path: 'acme', memberAccess: 'all' }, role: 'owner' })
    const changed = await ada.call('PATCH', base, { name: 'Acme Inc.', memberAccess: 'teams', slug: 'acme-2' })
    expect(await bodyOf<object>(changed)).toMatchObject({ organization: { slug: 'acme-2', name: 'Acme Inc.' } })
    expect((await ada.call('PATCH', base, { parent: null })).status).toBe(400)
    const child = await ada.call('POST', `${base}/suborganizations`, { name: 'Themes' })
    expect(await bodyOf<object>(child)).toMatchObject({ organization: { path: 'acme-2/themes' } })
    expect((await read<{ organizations: object[] }>('/app/api/organizations')).organizations).toHaveLength(1)
    expect((await ada.call('DELETE', base)).status).toBe(204)
    expect((await ada.get(base)).status).toBe(404)
    expect((await send('/acme-2/packages.json')).status).toBe(401)
  })

  test('abuse 38 exists for nobody who is not in it', async () => {
    const { app, base, signedIn, browser, ada } = await setUp()
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const eve = await signedIn('eve@example.com')
    const routes = ['', '/members', '/teams', '/invitations', '/suborganizations', '/assigned-teams']

    for (const route of routes) {
      const hidden = await eve.get(`${base}${route}`)
      const absent = await eve.get(`/app/api/organizations/none${route}`)
      expect([hidden.status, await hidden.text()]).toEqual([404, await absent.text()])
      expect((await browser().get(`${base}${route}`)).status).toBe(401)
      expect((await ada.get(`${base}${route}?after=x`)).status).toBe(route === '' || route === '/assigned-teams' ? 200 : 400)
    }
    expect((await eve.call('POST', '/app/api/organizations', { name: 'Mine' })).status).toBe(403)
    expect((await eve.call('DELETE', base)).status).toBe(404)
  })
})

describe('an invitation', () => {
  test('is sent, seen, and accepted on the page with a new account, which then signs in', async () => {
    const { ada, base, read, browser, signedIn } = await setUp()
    const sent = await ada.call('POST', `${base}/invitations`, { email: 'new@example.com', role: 'member' })
    const { link, invitation } = await bodyOf<{ link: string; invitation: { id: string } }>(sent)
    const path = link.slice(ORIGIN.length)
    const visitor = browser()

    expect(link).toMatch(/^https:\/\/packages\.example\.org\/app\/invitations\/[0-9a-f]{64}$/)
    expect(await (await visitor.get(path)).text()).toContain('Create an account for new@example.com')
    const weak = await visitor.submit(path, { name: 'Nora', password: 'short' })
    expect([weak.status, await weak.text()]).toEqual([422, expect.stringContaining('role="alert"')])
    const accepted = await visitor.submit(path, { name: 'Nora <b>', password: PASSWORD })
    expect([accepted.status, accepted.headers.get('location')]).toEqual([303, '/app/sign-in'])
    expect((await visitor.get(path)).status).toBe(410)
    expect((await visitor.submit(path, { name: 'Nora', password: PASSWORD })).status).toBe(410)

    const nora = await signedIn('new@example.com', PASSWORD)
    expect(await read<object>(base, nora)).toMatchObject({ role: 'member' })
    const { members } = await read<{ members: { email: string }[] }>(`${base}/members`)
    expect(members.map(({ email }) => email)).toEqual(['ada@example.com', 'new@example.com'])
    expect((await ada.call('POST', `${base}/invitations/${invitation.id}/renew`)).status).toBe(409)
    expect((await nora.call('POST', `${base}/invitations`, { email: 'x@example.com', role: 'member' })).status).toBe(403)
  })

  test('is accepted by an account through the API, once, and cancelled ones by nobody', async () => {
    const { app, ada, base, signedIn, browser, read } = await setUp()
    await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
    const eve = await signedIn('eve@example.com')
    const invite = async (email: string) => {
      const { link, invitation } = await bodyOf<{ link: string; invitation: { id: string } }>(
        await ada.call('POST', `${base}/invitations`, { email, role: 'admin' }),
      )
      return { api: `/app/api${link.slice(ORIGIN.length + '/app'.length)}`, page: link.slice(ORIGIN.length), id: invitation.id }
    }
    const first = await invite('eve@example.com')
    const second = await invite('other@example.com')

    expect(await read<object>(first.api, browser())).toMatchObject({ email: 'eve@example.com', role: 'admin', state: 'pending' })
    expect((await browser().call('POST', `${first.api}/accept`)).status).toBe(401)
    expect(await (await eve.get(first.page)).text()).toContain('Accept the invitation')
    expect((await eve.call('POST', `${first.api}/accept`)).status).toBe(200)
    expect((await eve.call('POST', `${first.api}/accept`)).status).toBe(410)
    expect((await ada.call('DELETE', `${base}/invitations/${second.id}`)).status).toBe(204)
    const registered = await browser().call('POST', `${second.api}/register`, { name: 'X', password: PASSWORD })
    expect(registered.status).toBe(410)
    const { invitations } = await read<{ invitations: { state: string }[] }>(`${base}/invitations`)
    expect(invitations.map(({ state }) => state)).toEqual(['accepted', 'cancelled'])
  })

  test('abuse 45 names of organizations are text on its page', async () => {
    const { ada, base, browser } = await setUp()
    await ada.call('PATCH', base, { name: '<script>alert(1)</script>' })
    const sent = await ada.call('POST', `${base}/invitations`, { email: 'new@example.com', role: 'member' })
    const { link } = await bodyOf<{ link: string }>(sent)

    const page = await (await browser().get(link.slice(ORIGIN.length))).text()

    expect(page).toContain('&#60;script&#62;alert(1)')
    expect(page).not.toContain('<script>')
  })
})

test('members and teams are managed', async () => {
  const { app, organization, ada, base, read } = await setUp()
  const eve = await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
  await addMember(app.ctx(), { organization, user: eve.uid, role: 'member' })
  await buildPackage(app, { organization: organization.id, name: 'acme/http' })
  const { team } = await bodyOf<{ team: { id: string } }>(
    await ada.call('POST', `${base}/teams`, { name: 'Web', permissions: ['package.add'] }),
  )
  const own = `${base}/teams/${team.id}`

  const statuses = [
    await ada.call('POST', `${own}/members`, { user: eve.uid }),
    await ada.call('POST', `${own}/packages`, { names: ['acme/http'] }),
    await ada.call('PATCH', own, { name: 'Frontend' }),
    await ada.call('PATCH', own, { permissions: ['root'] }),
    await ada.call('PATCH', `${base}/members/${eve.uid}`, { role: 'admin' }),
    await ada.call('PATCH', `${base}/members/${eve.uid}`, { role: 'root' }),
  ].map(({ status }) => status)

  expect(statuses).toEqual([204, 204, 200, 400, 200, 400])
  expect(await read<object>(`${base}/teams`)).toMatchObject({
    teams: [{ name: 'Frontend', members: 1, packages: 1 }],
    next: null,
  })
  expect(await read<object>(`${own}/packages`)).toEqual({ packages: ['acme/http'], next: null })
  expect((await ada.call('DELETE', `${own}/packages/acme/http`)).status).toBe(204)
  expect((await ada.call('DELETE', `${own}/members/${eve.uid}`)).status).toBe(204)
  expect((await ada.call('DELETE', own)).status).toBe(204)
  expect((await ada.call('DELETE', `${base}/members/${eve.uid}`)).status).toBe(204)
  expect((await ada.call('POST', `${base}/leave`)).status).toBe(409)
})
