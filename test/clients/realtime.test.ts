/** Realtime channels across processes: whichever of those that share the port has a connection, it hears what any process committed. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { addMember, createPersonalToken } from '../../src/core/access/index.ts'
import { createUser } from '../../src/core/accounts/index.ts'
import { findOrganizationBySlug } from '../../src/core/organizations/index.ts'
import { systemCtx } from '../../src/compose.ts'
import { deriveRealtimeKey } from '../../src/surfaces/realtime/channel-grant.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const LISTENERS = 6
let registry: Registry
let channel: string
let token: string
let key: string

beforeAll(async () => {
  registry = await startRegistry({ serve: ['--processes', '2'] })
  await registry.cli('org', 'create', 'acme')
  await registry.inside(async (app) => {
    const ctx = systemCtx(app, 'test')
    const organization = await findOrganizationBySlug(ctx.db, 'acme')
    if (organization === null) {
      throw new Error('There is no acme.')
    }
    const user = await ctx.transaction((tx) =>
      createUser(tx, { email: 'ada@example.org', name: 'Ada', passwordHash: null, isOperator: false }),
    )
    await addMember(ctx, { organization, user: user.uid, role: 'member' })
    const limits = { scopes: null, packages: null, expiresAt: null }
    token = (await createPersonalToken(ctx, { user: user.id, name: 'own', ...limits })).secret
    channel = `private-organization.${organization.uid}`
    key = deriveRealtimeKey(app.ports.secrets).key
  })
}, 60_000)
afterAll(() => registry.end(), 20_000)

async function askGrant(socket: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${registry.port}/broadcasting/auth`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ socket_id: socket, channel_name: channel }),
    keepalive: false,
  })
  return ((await response.json()) as { auth: string }).auth
}

/** Connects, subscribes with a grant of whichever process answers, and gives what is heard. */
async function listen(): Promise<{ heard: Promise<unknown>; close(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${registry.port}/app/${key}?protocol=7`)
  const subscribed = Promise.withResolvers<void>()
  const heard = Promise.withResolvers<unknown>()
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as { event: string; data: string }
    if (frame.event === 'pusher:connection_established') {
      const { socket_id: id } = JSON.parse(frame.data) as { socket_id: string }
      askGrant(id).then(
        (auth) => socket.send(JSON.stringify({ event: 'pusher:subscribe', data: { channel, auth } })),
        subscribed.reject,
      )
    } else if (frame.event === 'pusher_internal:subscription_succeeded') {
      subscribed.resolve()
    } else if (frame.event === 'activity.recorded') {
      heard.resolve(JSON.parse(frame.data))
    }
  })
  socket.addEventListener('close', ({ code }) => {
    const error = new Error(`The connection was closed with ${code}.`)
    subscribed.reject(error)
    heard.reject(error)
  })
  await subscribed.promise
  heard.promise.catch(() => {})
  return { heard: heard.promise, close: () => socket.close() }
}

test('PR-902 everybody hears what another process committed, within a second', async () => {
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, listen))
  await registry.cli('token', 'create', 'acme', '--name', 'new')
  const committed = performance.now()

  const heard = await Promise.all(listeners.map((listener) => listener.heard))

  expect(performance.now() - committed).toBeLessThan(1_000)
  expect(new Set(heard.map((each) => JSON.stringify(each))).size).toBe(1)
  expect(heard[0]).toMatchObject({ activityType: 'token.created' })
  listeners.forEach((listener) => listener.close())
}, 20_000)

test('PR-902 a server that ends sends its clients to another', async () => {
  const { heard } = await listen()

  await registry.stop()

  await expect(heard).rejects.toThrow('4200')
}, 20_000)
