/** Advisories and findings on the console. */
import { expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { createConsole } from './console-kit.ts'

async function setUp() {
  const console = await createConsole()
  const { app } = console
  app.leaveJobs()
  const organization = await app.organization()
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'admin' })
  await buildPackage(app, { organization: organization.id })
  const ada = await console.signedIn()
  const base = `/app/api/organizations/${organization.uid}`
  const read = async <Body>(path: string) => (await (await ada.get(`${base}${path}`)).json()) as Body
  const add = (body: object) => ada.call('POST', `${base}/advisories`, { packageName: 'acme/http', ...body })
  return { ...console, app, ada, base, read, add }
}

test('an advisory is added, listed, changed and withdrawn', async () => {
  const { ada, base, read, add } = await setUp()

  const added = await add({ affectedVersions: '<2.0', title: 'A problem', severity: 'high', reportedAt: '2026-01-31' })
  const { advisory } = (await added.json()) as { advisory: { advisoryId: string } }
  const path = `${base}/advisories/${advisory.advisoryId}`

  expect(added.status).toBe(201)
  expect(advisory).toMatchObject({ isOwn: true, severity: 'high', reportedAt: '2026-01-31T00:00:00.000Z' })
  expect((await add({ affectedVersions: '*', title: 'Everything' })).status).toBe(400)
  expect((await add({ affectedVersions: '*', title: 'x', reportedAt: 'soon' })).status).toBe(400)
  const changed = await ada.call('PATCH', path, { title: 'Worse' })
  expect(await changed.json()).toMatchObject({ advisory: { title: 'Worse', affectedVersions: '<2.0' } })
  expect(await read<object>('/advisories')).toMatchObject({ advisories: [{ title: 'Worse' }], next: null })
  expect(await read<object>('/advisories?package=acme/http')).toMatchObject({ advisories: [{ title: 'Worse' }] })
  expect((await ada.call('DELETE', path, {})).status).toBe(204)
  expect((await ada.get(path)).status).toBe(404)
})

test('findings are listed, filtered and decided about', async () => {
  const { app, ada, base, read, add } = await setUp()
  await add({ affectedVersions: '<2.0', title: 'A problem', severity: 'high' })
  expect((await ada.call('POST', `${base}/security/scan`, {})).status).toBe(204)
  await app.runJobs()

  const { findings } = await read<{ findings: { id: string }[] }>('/findings?state=open,in_progress&mirrored=false')
  const path = `${base}/findings/${findings[0]!.id}`

  expect(findings).toMatchObject([{ packageName: 'acme/http', versions: ['1.0.0'], advisory: { title: 'A problem' } }])
  expect(await read<object>('/findings?severity=low')).toMatchObject({ findings: [] })
  expect((await ada.get(`${base}/findings?state=nonsense`)).status).toBe(400)
  expect(await read<object>('/security')).toMatchObject({ pending: { high: 1 }, advisories: { state: 'off', fetchedAt: null } })
  expect((await ada.call('PATCH', path, { state: 'wont_fix' })).status).toBe(400)
  const decided = await ada.call('PATCH', path, { state: 'wont_fix', reason: 'It goes away.' })
  expect(await decided.json()).toMatchObject({ finding: { state: 'wont_fix', changedBy: 'ada@example.com' } })
})
