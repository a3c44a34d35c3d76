/** Options, messages and filter lists of a repository on the console. */
import { expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildUser } from '../../kit/people.ts'
import { createConsole } from './console-kit.ts'

async function setUp() {
  const console = await createConsole()
  const { app } = console
  const organization = await app.organization()
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'admin' })
  return { ...console, app, organization, ada: await console.signedIn(), base: `/app/api/organizations/${organization.uid}` }
}

test('an admin changes options, adds messages and entries, and takes them back', async () => {
  const { ada, base } = await setUp()
  const read = async (response: Response) => (await response.json()) as Record<string, { id: string }>

  const options = await ada.call('PATCH', `${base}/repository-options`, { hiddenSources: 'always' })
  const message = await read(await ada.call('POST', `${base}/messages`, { message: 'We move on Monday.' }))
  const entry = await read(await ada.call('POST', `${base}/filter-entries`, { package: 'acme/http', versions: '<1.2' }))
  const seen = [
    await read(await ada.get(`${base}/repository-options`)),
    await read(await ada.get(`${base}/messages`)),
    await read(await ada.get(`${base}/filter-entries?list=blocked`)),
  ]
  const dropped = [
    await ada.call('DELETE', `${base}/messages/${message['message']?.id}`),
    await ada.call('DELETE', `${base}/filter-entries/${entry['entry']?.id}`),
    await ada.call('DELETE', `${base}/filter-entries/${entry['entry']?.id}`),
  ]

  expect(options.status).toBe(200)
  expect(seen).toMatchObject([
    { options: { hiddenSources: 'always', blocksMalware: true } },
    { messages: [{ kind: 'warning', message: 'We move on Monday.', versions: '*' }] },
    { entries: [{ list: 'blocked', package: 'acme/http', versions: '<1.2' }], next: null },
  ])
  expect(dropped.map(({ status }) => status)).toEqual([204, 204, 404])
})

test.each([
  ['PATCH', 'repository-options', { hiddenSources: 'sometimes' }],
  ['PATCH', 'repository-options', { unknown: true }],
  ['POST', 'messages', { message: 'Hello', versions: 'new' }],
  ['POST', 'filter-entries', { package: 'acme/http', list: 'abandoned' }],
] as const)('what is not valid is refused: %s %s %j', async (method, path, body) => {
  const { ada, base } = await setUp()

  expect((await ada.call(method, `${base}/${path}`, body)).status).toBe(400)
})

test('abuse 38 members look and change nothing, and strangers find nothing', async () => {
  const { app, base, organization, signedIn } = await setUp()
  await buildUser(app, { email: 'max@example.com', name: 'Max' })
  await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
  await addMember(app.ctx(), { organization, user: 'max@example.com', role: 'member' })
  const max = await signedIn('max@example.com')
  const eve = await signedIn('eve@example.com')

  expect((await max.get(`${base}/messages`)).status).toBe(200)
  expect((await max.call('POST', `${base}/messages`, { message: 'Hello' })).status).toBe(403)
  expect((await max.call('POST', `${base}/filter-entries`, { package: 'acme/http' })).status).toBe(403)
  expect((await eve.get(`${base}/messages`)).status).toBe(404)
})
