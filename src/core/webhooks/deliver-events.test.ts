import { createHmac } from 'node:crypto'
import { afterEach, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import type { OrganizationId } from '../kernel/values.ts'
import {
  createWebhook,
  deliverEvents,
  getWebhook,
  listDeliveries,
  pingWebhook,
  resendDelivery,
  rotateWebhook,
  type IssuedWebhook,
} from './index.ts'

const PAGE = { limit: 100, after: null }
const MINUTE = 60_000
const HOUR = 60 * MINUTE

interface Received {
  path: string
  headers: Headers
  body: string
}

interface Receiver {
  url: string
  received: Received[]
  answer: (request: Received) => Response | Promise<Response>
}

const servers = new Set<{ stop(force?: boolean): Promise<void> }>()
afterEach(async () => {
  for (const server of servers) {
    await server.stop(true)
  }
  servers.clear()
})

function startReceiver(answer: Receiver['answer'] = () => new Response('thanks')): Receiver {
  const receiver: Receiver = { url: '', received: [], answer }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const received = { path: new URL(request.url).pathname, headers: request.headers, body: await request.text() }
      receiver.received.push(received)
      return receiver.answer(received)
    },
  })
  servers.add(server)
  receiver.url = `http://127.0.0.1:${server.port}/in`
  return receiver
}

async function hookTo(
  app: TestApp,
  organization: OrganizationId,
  url: string,
  rest: { events?: string[]; packages?: string[] } = {},
) {
  const { events = ['version.published'], packages = null } = rest
  return createWebhook(app.ctx(), { organization, name: 'ci', url, events, packages, secret: null })
}

async function logOf(app: TestApp, { webhook }: IssuedWebhook) {
  return (await listDeliveries(app.ctx(), webhook, PAGE)).items
}

test('an event is delivered with its names, a proof in two forms and no row ids', async () => {
  const app = await createTestApp()
  const { id, uid } = await app.organization()
  const receiver = startReceiver()
  const hook = await hookTo(app, id, receiver.url)

  await buildPackage(app, { organization: id, versions: [{ version: '1.0.0', reference: 'a'.repeat(40) }] })
  await app.runJobs()

  const [{ headers, body }, ...rest] = receiver.received as [Received, ...Received[]]
  const [delivery] = await logOf(app, hook)
  expect(rest).toEqual([])
  expect(JSON.parse(body)).toEqual({
    version: 1,
    id: delivery!.event,
    type: 'version.published',
    created_at: new Date(app.clock.now()).toISOString(),
    organization: { id: uid, slug: 'acme' },
    data: { package: 'acme/http', version: '1.0.0', reference: 'a'.repeat(40) },
  })
  const time = headers.get('webhook-timestamp')!
  const key = Buffer.from(hook.secret.slice('whsec_'.length), 'base64')
  const signature = createHmac('sha256', key).update(`${delivery!.uid}.${time}.${body}`).digest('base64')
  expect(headers.get('webhook-signature')).toBe(`v1,${signature}`)
  expect(headers.get('webhook-id')).toBe(delivery!.uid)
  expect(headers.get('x-repertoire-delivery')).toBe(delivery!.uid)
  expect(headers.get('x-repertoire-event')).toBe('version.published')
  expect(headers.get('x-hub-signature-256')).toBe(`sha256=${createHmac('sha256', hook.secret).update(body).digest('hex')}`)
  expect(delivery).toMatchObject({ state: 'delivered', attempts: 1, status: 200, answer: 'thanks', problem: null })
})

test('events arrive in their order, those of other types, packages and organizations not at all', async () => {
  const app = await createTestApp()
  const acme = await app.organization()
  const other = await app.organization('other')
  const receiver = startReceiver()
  await hookTo(app, acme.id, receiver.url, { packages: ['acme/*'] })

  await buildPackage(app, { organization: acme.id, versions: ['1.0.0', '1.1.0', '2.0.0'] })
  await buildPackage(app, { organization: acme.id, name: 'foreign/lib' })
  await buildPackage(app, { organization: other.id, name: 'acme/secret' })
  await app.runJobs()

  const data = receiver.received.map(({ body }) => JSON.parse(body).data)
  expect(data.map(({ version }) => version)).toEqual(['1.0.0', '1.1.0', '2.0.0'])
  expect(new Set(data.map((entry) => entry.package))).toEqual(new Set(['acme/http']))
})

test('a hook for all events gets no internal one', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver()
  await createWebhook(app.ctx(), {
    organization: id,
    name: 'all',
    url: receiver.url,
    events: ['*'],
    packages: null,
    secret: null,
  })

  await app.token(id)
  await buildPackage(app, { organization: id })
  await app.runJobs()

  const types = receiver.received.map(({ headers }) => headers.get('x-repertoire-event'))
  expect(types).toEqual(['source.synced', 'package.created', 'version.published'])
  expect(receiver.received.map(({ body }) => JSON.parse(body).data)[0]).toEqual({
    source: { uid: expect.any(String), url: 'https://git.example.org/acme/http.git' },
    versions: 1,
    skipped: 0,
  })
})

test('abuse 47: a failed delivery is tried again with growing pauses under the same id, and those behind it wait', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver(() => new Response('<b>no\u202e\u001b[31m</b>\n', { status: 500 }))
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id, versions: ['1.0.0', '1.1.0'] })

  await app.runJobs()
  await app.runJobs()
  expect(receiver.received).toHaveLength(1)
  const [, first] = await logOf(app, hook)
  expect(first).toMatchObject({ state: 'waiting', attempts: 1, status: 500, answer: '<b>no</b>', problem: 'it answered 500' })
  for (const pause of ['11 seconds', '61 seconds', '301 seconds']) {
    app.clock.advance(pause)
    await app.runJobs()
  }
  expect(receiver.received).toHaveLength(4)
  receiver.answer = () => new Response()
  app.clock.advance('31 minutes')
  await app.runJobs()

  const ids = receiver.received.map(({ headers }) => headers.get('webhook-id'))
  expect(new Set(ids.slice(0, 5)).size).toBe(1)
  expect((await logOf(app, hook)).map(({ state, attempts }) => [state, attempts])).toEqual([
    ['delivered', 1],
    ['delivered', 5],
  ])
  expect((await getWebhook(app.ctx(), hook.webhook)).failingSince).toBeNull()
})

test('abuse 47: a receiver that fails for three days is switched off, once', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver(() => new Response('', { status: 500 }))
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id, versions: ['1.0.0', '1.1.0'] })

  for (let hours = 0; hours < 100; hours += 1) {
    await app.runJobs()
    app.clock.advance('1 hour')
  }

  const webhook = await getWebhook(app.ctx(), hook.webhook)
  expect(webhook.isActive).toBe(false)
  expect(webhook.disabledReason).toContain('three days')
  expect(app.events.filter(({ type }) => type === 'webhook.disabled')).toHaveLength(1)
  expect((await logOf(app, hook)).map(({ state }) => state)).toEqual(['failed', 'failed'])
  expect(receiver.received.length).toBeGreaterThan(8)
  await expect(pingWebhook(app.ctx(), webhook)).rejects.toMatchObject({ code: 'webhook_disabled' })
  const before = receiver.received.length
  await buildPackage(app, { organization: id, name: 'acme/later' })
  await app.runJobs()
  expect(receiver.received).toHaveLength(before)
})

test('410 switches a hook off at once', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver(() => new Response('', { status: 410 }))
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id })
  await app.runJobs()

  expect(await getWebhook(app.ctx(), hook.webhook)).toMatchObject({
    isActive: false,
    disabledReason: expect.stringContaining('410'),
  })
})

test('abuse 47: a redirect is not followed', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const target = startReceiver()
  const receiver = startReceiver(() => Response.redirect(target.url, 307))
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id })
  await app.runJobs()
  app.leaveJobs()

  expect(target.received).toEqual([])
  expect((await logOf(app, hook))[0]).toMatchObject({ state: 'waiting', problem: expect.stringContaining('redirect (307)') })
})

test('after a change of the secret deliveries bear both signatures for a day', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver()
  const old = await hookTo(app, id, receiver.url)
  const renewed = await rotateWebhook(app.ctx(), old.webhook, null)

  await pingWebhook(app.ctx(), old.webhook)
  await app.runJobs()
  app.clock.advance(24 * HOUR)
  await pingWebhook(app.ctx(), old.webhook)
  await app.runJobs()

  const keys = [renewed, old].map(({ secret }) => Buffer.from(secret.slice('whsec_'.length), 'base64'))
  const expected = receiver.received.map(({ headers, body }) => {
    const signed = `${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${body}`
    return keys.map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  })
  const signatures = receiver.received.map(({ headers }) => headers.get('webhook-signature'))
  expect(signatures).toEqual([expected[0]!.join(' '), expected[1]![0]!])
})

test('a delivery can be sent again, under a new id with the same event', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver()
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id })
  await app.runJobs()
  const [sent] = await logOf(app, hook)

  const uid = await resendDelivery(app.ctx(), hook.webhook, sent!.uid)
  await app.runJobs()

  expect(uid).not.toBe(sent!.uid)
  expect(receiver.received.map(({ headers }) => headers.get('webhook-id'))).toEqual([sent!.uid, uid])
  expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body)
  await expect(resendDelivery(app.ctx(), hook.webhook, 'nothing')).rejects.toMatchObject({ code: 'delivery_not_found' })
})

test('sending again what still waits makes it due now and adds nothing', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver(() => new Response('', { status: 503 }))
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id })
  await app.runJobs()
  app.clock.advance('11 seconds')
  await app.runJobs()
  receiver.answer = () => new Response()
  const [waiting] = await logOf(app, hook)

  expect(await resendDelivery(app.ctx(), hook.webhook, waiting!.uid)).toBe(waiting!.uid)
  await app.runJobs()

  expect(await logOf(app, hook)).toMatchObject([{ state: 'delivered', attempts: 3 }])
})

test('two runs at once deliver nothing in parallel when they come through the queue', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  let open = 0
  let most = 0
  const receiver = startReceiver(async () => {
    open += 1
    most = Math.max(most, open)
    await Bun.sleep(15)
    open -= 1
    return new Response()
  })
  await hookTo(app, id, receiver.url)
  const running = app.runJobs()
  for (let patch = 0; patch < 8; patch += 1) {
    await buildPackage(app, { organization: id, name: `acme/p${patch}` })
  }
  await Promise.all([running, app.runJobs(), app.runJobs()])

  expect(most).toBe(1)
  expect(new Set(receiver.received.map(({ headers }) => headers.get('webhook-id'))).size).toBe(8)
  expect(receiver.received).toHaveLength(8)
})

test('a run that was overtaken leaves the other result as it is', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver()
  const hook = await hookTo(app, id, receiver.url)
  await buildPackage(app, { organization: id })

  await Promise.all([deliverEvents(app.ctx(SYSTEM), hook.webhook.id), deliverEvents(app.ctx(SYSTEM), hook.webhook.id)])
  await app.runJobs()

  expect(await logOf(app, hook)).toMatchObject([{ state: 'delivered', attempts: 1 }])
})

test('abuse 47: secrets and addresses are in no row, event or log line', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const receiver = startReceiver(() => new Response('', { status: 500 }))
  const url = `${receiver.url}/T0KENINPATH`
  const hook = await hookTo(app, id, url)
  await buildPackage(app, { organization: id })
  await app.runJobs()
  app.leaveJobs()

  const rows = await Promise.all(
    (['webhooks', 'webhook_deliveries', 'events', 'jobs', 'job_logs'] as const).map((table) =>
      app.ports.database.read.selectFrom(table).selectAll().execute(),
    ),
  )
  expect(receiver.received).toHaveLength(1)
  expect(JSON.stringify(rows)).not.toContain('T0KENINPATH')
  expect(JSON.stringify(rows)).not.toContain(hook.secret)
})
