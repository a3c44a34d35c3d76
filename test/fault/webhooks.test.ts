/** Abuse 47: receivers that are slow, and deliveries while the process is killed. */
import { afterEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { createOrganization } from '../../src/core/access/index.ts'
import { addSource } from '../../src/core/sources/index.ts'
import { createWebhook, listDeliveries, type WebhookChoices } from '../../src/core/webhooks/index.ts'
import { createTestApp } from '../kit/app.ts'
import { buildPackage } from '../kit/build.ts'
import { scratchDirectory } from '../kit/database.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'

const PAGE = { limit: 100, after: null }
const CHOICES: WebhookChoices = { name: 'ci', url: 'http://127.0.0.1:9/in', events: null, packages: null }
const KILLS = 5

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) {
    end()
  }
})

test('abuse 47: a receiver that trickles its answer is given up after ten seconds, others are served meanwhile', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.write('HTTP/1.1 200 OK\r\n')
    const timer = setInterval(() => socket.write('X-A: b\r\n'), 500)
    socket.on('close', () => clearInterval(timer))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const swift = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('ok') })
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    void swift.stop(true)
  })
  const { port } = server.address() as AddressInfo
  const choices = { ...CHOICES, events: ['version.published'], organization: id, secret: null }
  const slow = await createWebhook(app.ctx(), { ...choices, url: `http://127.0.0.1:${port}/` })
  const quick = await createWebhook(app.ctx(), { ...choices, url: `http://127.0.0.1:${swift.port}/` })
  await buildPackage(app, { organization: id })

  const begun = performance.now()
  const running = app.runJobs()
  await Bun.sleep(1_000)
  expect((await listDeliveries(app.ctx(), quick.webhook, PAGE)).items).toMatchObject([{ state: 'delivered' }])
  await running
  app.leaveJobs()

  expect(performance.now() - begun).toBeLessThan(13_000)
  expect((await listDeliveries(app.ctx(), slow.webhook, PAGE)).items).toMatchObject([
    { state: 'waiting', problem: 'it did not answer within 10 seconds' },
  ])
}, 20_000)

test('a process that is killed while a delivery is on its way sends it again under the same id, and loses none', async () => {
  const data = scratchDirectory('webhook-crash')
  ends.push(() => rmSync(data, { recursive: true, force: true }))
  const app = await openInstallation(configOf(data))
  const received: { id: string | null; type: string | null }[] = []
  let child: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | null = null
  let kills = 0
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      received.push({ id: request.headers.get('webhook-id'), type: request.headers.get('x-repertoire-event') })
      if (kills < KILLS) {
        kills += 1
        child?.kill('SIGKILL')
      }
      return new Response('ok')
    },
  })
  ends.push(() => void server.stop(true))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  const url = `http://127.0.0.1:${server.port}/`
  const { webhook } = await createWebhook(operatorCtx(app), {
    ...CHOICES,
    events: ['source.added'],
    url,
    organization,
    secret: null,
  })
  for (const name of ['one', 'two', 'three']) {
    await addSource(operatorCtx(app), { organization, url: `file:///nowhere/${name}.git`, credential: null })
  }

  const script = join(import.meta.dir, 'webhook-child.ts')
  for (let start = 0; start <= KILLS; start += 1) {
    child = Bun.spawn([process.execPath, script, data], { stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' })
    const isLast = start === KILLS
    if (!isLast) {
      await child.exited
    }
  }
  const deadline = performance.now() + 30_000
  const isDone = async () =>
    (await listDeliveries(operatorCtx(app), webhook, PAGE)).items.every(({ state }) => state === 'delivered')
  while (!(await isDone()) && performance.now() < deadline) {
    await Bun.sleep(20)
  }
  child?.kill('SIGKILL')
  await child?.exited
  const { items } = await listDeliveries(operatorCtx(app), webhook, PAGE)
  await app.close()

  expect(items.map(({ state }) => state)).toEqual(['delivered', 'delivered', 'delivered'])
  const ids = items.map(({ uid }) => uid as string | null).toReversed()
  expect([...new Set(received.map(({ id }) => id))]).toEqual(ids)
  expect(received.length).toBeGreaterThanOrEqual(3 + KILLS - 1)
}, 60_000)
