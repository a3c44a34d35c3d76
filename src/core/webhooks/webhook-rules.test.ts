import { afterEach, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { createHttp } from '../../platform/http/create-http.ts'
import { createEgress } from '../../platform/http/egress.ts'
import {
  createWebhook,
  disableWebhook,
  enableWebhook,
  getWebhook,
  listDeliveries,
  listWebhooks,
  purgeDeliveries,
  removeWebhook,
  updateWebhookChoices,
  type WebhookChoices,
} from './index.ts'

const PAGE = { limit: 100, after: null }
const CHOICES: WebhookChoices = { name: 'ci', url: 'http://127.0.0.1:9/in', events: null, packages: null }

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) {
    end()
  }
})

test.each([
  ['ftp://example.org/', 'invalid_url', 'scheme'],
  ['nothing', 'invalid_url', 'url'],
  ['https://user:pass@example.org/', 'invalid_url', 'credentials'],
  ['https://example.org/a b\n', 'invalid_url', 'url'],
  ['https://10.0.0.1/', 'egress_blocked', 'private'],
  ['https://169.254.169.254/latest', 'egress_blocked', 'linkLocal'],
  ['https://[::ffff:10.0.0.1]/', 'egress_blocked', 'private'],
  ['https://2130706433.0.0.0/', 'invalid_url', 'url'],
  ['https://0/', 'egress_blocked', 'unspecified'],
] as const)('%s is refused as %s by the rule %s', async (url, code, rule) => {
  const app = await createTestApp()
  const { id } = await app.organization()

  const refused = createWebhook(app.ctx(), { ...CHOICES, url, organization: id, secret: null })

  await expect(refused).rejects.toMatchObject({ code, details: { rule } })
})

test('an address of more than 2,000 characters is refused', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const url = `https://example.org/${'a'.repeat(2000)}`

  await expect(createWebhook(app.ctx(), { ...CHOICES, url, organization: id, secret: null })).rejects.toMatchObject({
    code: 'invalid_url',
  })
})

test('http is refused where the operator does not allow it', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const ctx = { ...app.ctx(), sourceUrls: { allowFile: false, allowHttp: false } }

  await expect(createWebhook(ctx, { ...CHOICES, organization: id, secret: null })).rejects.toMatchObject({
    code: 'invalid_url',
    details: { rule: 'scheme' },
  })
})

test.each([['short'], ['with space in the secret'], ['whsec_c2hvcnQ='], ['whsec_not base64 at all!!']])(
  'the secret %p is refused',
  async (secret) => {
    const app = await createTestApp()
    const { id } = await app.organization()

    await expect(createWebhook(app.ctx(), { ...CHOICES, organization: id, secret })).rejects.toMatchObject({
      code: 'invalid_input',
      details: { field: 'secret' },
    })
  },
)

test('events are checked against the public ones, and "*" stands for all', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const create = (events: string[] | null) => createWebhook(app.ctx(), { ...CHOICES, events, organization: id, secret: null })

  await expect(create(['token.created'])).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'events' } })
  await expect(create([])).rejects.toMatchObject({ code: 'invalid_input' })
  expect((await create(['*'])).webhook.events).toBeNull()
  expect((await create(['version.published', 'version.published'])).webhook.events).toEqual(['version.published'])
  const everything = { ...CHOICES, packages: ['acme/*', '*'], organization: id, secret: null }
  expect((await createWebhook(app.ctx(), everything)).webhook.packages).toBeNull()
})

test('abuse 47: a name that leads into a private network is blocked when it is dialled', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  let address = '93.184.216.34'
  const http = createHttp(createEgress({ allow: [], resolve: async () => [address] }))
  app.ports.http = http
  const hook = await createWebhook(app.ctx(), { ...CHOICES, url: 'https://ci.example.org/', organization: id, secret: null })
  address = '10.1.2.3'
  await buildPackage(app, { organization: id })

  await app.runJobs()
  app.leaveJobs()

  const { items } = await listDeliveries(app.ctx(), hook.webhook, PAGE)
  expect(items.at(-1)).toMatchObject({
    state: 'waiting',
    attempts: 1,
    status: null,
    problem: 'Connections to ci.example.org are not allowed (private).',
  })
})

test('an answer without end is read to its first kilobytes', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.enqueue(new Uint8Array(65_536).fill(97))
          },
        }),
      ),
  })
  ends.push(() => void server.stop(true))
  const url = `http://127.0.0.1:${server.port}/`
  const { webhook } = await createWebhook(app.ctx(), {
    ...CHOICES,
    events: ['version.published'],
    url,
    organization: id,
    secret: null,
  })
  await buildPackage(app, { organization: id })
  await app.runJobs()

  const [delivery] = (await listDeliveries(app.ctx(), webhook, PAGE)).items
  expect(delivery).toMatchObject({ state: 'delivered', status: 200 })
  expect(delivery!.answer).toHaveLength(1000)
})

test('a hook can be changed, switched off and on, and removed; what waited is given up', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const { webhook } = await createWebhook(app.ctx(), {
    ...CHOICES,
    organization: id,
    secret: 'a chosen secret'.replaceAll(' ', '-') + '!!',
  })
  await buildPackage(app, { organization: id })
  app.leaveJobs()

  const changed = await updateWebhookChoices(app.ctx(), webhook, { ...CHOICES, name: 'builds', packages: ['acme/*'] })
  const off = await disableWebhook(app.ctx(), webhook)
  const given = (await listDeliveries(app.ctx(), webhook, PAGE)).items.map(({ state }) => state)
  const on = await enableWebhook(app.ctx(), webhook)

  expect(changed).toMatchObject({ name: 'builds', packages: ['acme/*'] })
  expect([off.isActive, on.isActive]).toEqual([false, true])
  expect(new Set(given)).toEqual(new Set(['failed']))
  await removeWebhook(app.ctx(), webhook)
  await expect(getWebhook(app.ctx(), webhook)).rejects.toMatchObject({ code: 'webhook_not_found' })
  await app.runJobs()
  expect(await purgeDeliveries(app.ctx())).toBe(given.length)
})

test('hooks belong to their organization, and are for admins alone', async () => {
  const app = await createTestApp()
  const acme = await app.organization()
  const other = await app.organization('other')
  const { webhook } = await createWebhook(app.ctx(), { ...CHOICES, organization: acme.id, secret: null })
  const reader = await app.token(acme.id)

  await expect(getWebhook(app.ctx(), { organization: other.id, uid: webhook.uid })).rejects.toMatchObject({
    code: 'webhook_not_found',
  })
  expect((await listWebhooks(app.ctx(), other.id, PAGE)).items).toEqual([])
  for (const call of [
    () => listWebhooks(app.ctx(reader.actor), acme.id, PAGE),
    () => getWebhook(app.ctx(reader.actor), webhook),
    () => removeWebhook(app.ctx(reader.actor), webhook),
    () => createWebhook(app.ctx(reader.actor), { ...CHOICES, organization: acme.id, secret: null }),
  ]) {
    await expect(call()).rejects.toMatchObject({ kind: 'forbidden' })
  }
})

test('fifty hooks are enough', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const create = () => createWebhook(app.ctx(), { ...CHOICES, organization: id, secret: null })
  for (let count = 0; count < 50; count += 1) {
    await create()
  }

  await expect(create()).rejects.toMatchObject({ code: 'invalid_input' })
})

test('the log of deliveries is kept for thirty days', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  ends.push(() => void server.stop(true))
  const url = `http://127.0.0.1:${server.port}/`
  await createWebhook(app.ctx(), { ...CHOICES, events: ['version.published'], url, organization: id, secret: null })
  await buildPackage(app, { organization: id })
  await app.runJobs()

  app.clock.advance('29 days')
  expect(await purgeDeliveries(app.ctx())).toBe(0)
  app.clock.advance('2 days')
  expect(await purgeDeliveries(app.ctx())).toBe(1)
})
