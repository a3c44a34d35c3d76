/** PR-902: the channels of organizations over a real socket, with the session of a browser and with tokens. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { addMember, createPersonalToken, createToken, removeMember } from '../../../src/core/access/index.ts'
import { findUserByEmail } from '../../../src/core/accounts/index.ts'
import type { DomainEvent } from '../../../src/core/kernel/events.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import { findSource } from '../../../src/core/sources/index.ts'
import { SYSTEM } from '../../../src/app.ts'
import { deriveRealtimeKey } from '../../../src/surfaces/realtime/channel-grant.ts'
import { buildSource } from '../../kit/build.ts'
import { buildMember, buildPersonalToken, type TestPerson } from '../../kit/members.ts'
import { openClient, type Client } from './realtime-kit.ts'
import { createConsole, ORIGIN, type Console } from '../console/console-kit.ts'

let world: Console
let acme: Organization
let other: Organization
let ada: TestPerson
let key: string
let port: number
let stop: () => void
let ended: Promise<void>
const clients: Client[] = []

beforeEach(async () => {
  world = await createConsole()
  const { app } = world
  acme = await app.organization('acme')
  other = await app.organization('other')
  ada = await buildMember(app, acme, 'member', 'member')
  const user = await findUserByEmail(app.ports.database.read, 'ada@example.com')
  await addMember(app.ctx(), { organization: acme, user: user?.uid ?? '', role: 'member' })
  key = deriveRealtimeKey(app.ports.secrets).key
  const stopping = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  stop = stopping.resolve
  ended = world.listening(async (_url, listening) => {
    port = listening
    started.resolve()
    await stopping.promise
  })
  await started.promise
})
afterEach(async () => {
  clients.splice(0).forEach((client) => client.close())
  stop()
  await ended
})

async function connect(query?: string, headers?: Record<string, string>): Promise<Client> {
  const client = await openClient({ address: `ws://127.0.0.1:${port}/app/${key}`, query, headers })
  clients.push(client)
  return client
}

const channelOf = ({ uid }: Organization) => `private-organization.${uid}`

/** The answer of `/broadcasting/auth` to a token, or to nobody. */
function askGrant(client: Client, channel: string, token: string | null): Promise<Response> {
  return world.send('/broadcasting/auth', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: new URLSearchParams({ socket_id: client.socketId, channel_name: channel }).toString(),
  })
}

async function grantOf(client: Client, channel: string, token: string): Promise<string> {
  const response = await askGrant(client, channel, token)
  expect(response.status).toBe(200)
  return ((await response.json()) as { auth: string }).auth
}

async function subscribe(client: Client, organization: Organization, token: string): Promise<void> {
  const channel = channelOf(organization)
  client.send('pusher:subscribe', { channel, auth: await grantOf(client, channel, token) })
  await client.next('pusher_internal:subscription_succeeded')
}

async function listening(organization: Organization, person: TestPerson): Promise<Client> {
  const client = await connect()
  await subscribe(client, organization, await buildPersonalToken(world.app, person))
  return client
}

function record(event: DomainEvent): Promise<void> {
  return world.app.ctx(SYSTEM).transaction((tx) => tx.record(event))
}

describe('a connection', () => {
  test('PR-902 is told its id and how often to ask whether it lives, and answers pings', async () => {
    const client = await connect()

    client.send('pusher:ping', {})

    expect(client.socketId).toMatch(/^\d+\.\d+$/)
    expect(await client.next('pusher:pong')).toEqual({ event: 'pusher:pong', data: {} })
  })

  test('PR-902 needs a protocol that is spoken here', async () => {
    const old = await connect('protocol=3')
    const none = await connect('client=js')

    expect([await old.closed, await none.closed]).toEqual([4007, 4008])
    expect((await old.next('pusher:error')).data).toEqual({ message: expect.any(String), code: 4007 })
  })

  test('PR-902 comes from a page of this registry or from no page', async () => {
    const own = await connect('protocol=7', { Origin: ORIGIN })
    const foreign = await connect('client=js', { Origin: 'https://evil.example' })

    expect(own.socketId).not.toBe('')
    expect(foreign.frames).toEqual([])
    expect(await foreign.closed).toBe(1006)
  })

  test('PR-902 does not stand in the way of the pages below /app', async () => {
    const page = await fetch(`http://127.0.0.1:${port}/app`, { redirect: 'manual' })
    const withoutUpgrade = await fetch(`http://127.0.0.1:${port}/app/${key}`)

    expect(page.status).not.toBe(404)
    expect(withoutUpgrade.status).toBe(404)
  })

  test('PR-902 ends when it sends too much at once or too large a frame', async () => {
    const fast = await connect()
    const large = await connect()

    for (let index = 0; index < 60; index += 1) {
      fast.send('pusher:ping', {})
    }
    large.send('pusher:ping', 'x'.repeat(20_000))

    expect(await fast.closed).toBe(4301)
    expect(await large.closed).toBe(1009)
  })

  test('PR-902 is told when a frame means nothing, and stays', async () => {
    const client = await connect()

    client.send('client-typing', {})
    client.send('pusher:ping', {})

    expect((await client.next('pusher:error')).data).toEqual({ message: expect.any(String), code: null })
    await client.next('pusher:pong')
  })
})

test('PR-902 our own pages learn the key, and nobody else does', async () => {
  const browser = await world.signedIn()

  const known = await browser.get('/app/api/realtime')
  const unknown = await world.browser().get('/app/api/realtime')

  expect(await known.json()).toEqual({
    key,
    host: 'packages.example.org',
    port: 443,
    secure: true,
    path: '',
    authEndpoint: '/broadcasting/auth',
  })
  expect(unknown.status).toBe(401)
})

describe('a grant', () => {
  test('PR-902 goes to a member who signed in, from a page of ours only', async () => {
    const browser = await world.signedIn()
    const client = await connect()
    const fields = { socket_id: client.socketId, channel_name: channelOf(acme) }

    const own = await browser.submit('/broadcasting/auth', fields)
    const foreign = await browser.submit('/broadcasting/auth', fields, {
      Origin: 'https://evil.example',
      'Sec-Fetch-Site': 'cross-site',
    })
    const { auth } = (await own.json()) as { auth: string }
    client.send('pusher:subscribe', { channel: channelOf(acme), auth })

    expect([own.status, foreign.status]).toEqual([200, 403])
    expect(auth).toMatch(new RegExp(`^${key}:[0-9a-f]{64}`))
    await client.next('pusher_internal:subscription_succeeded')
  })

  test('PR-902 goes to nobody else: strangers, organizations, limited tokens, other channels', async () => {
    const { app } = world
    const client = await connect()
    const personal = await buildPersonalToken(app, ada)
    const narrow = await createPersonalToken(app.ctx(), {
      user: ada.id,
      name: 'narrow',
      scopes: ['package:read'],
      packages: null,
      expiresAt: null,
    })
    const machine = await createToken(app.ctx(), {
      organization: acme.id,
      name: 'machine',
      scopes: null,
      packages: null,
      expiresAt: null,
    })

    const answers = await Promise.all([
      askGrant(client, channelOf(acme), null),
      askGrant(client, channelOf(acme), 'rep_unknown'),
      askGrant(client, channelOf(acme), narrow.secret),
      askGrant(client, channelOf(acme), machine.secret),
      askGrant(client, channelOf(other), personal),
      askGrant(client, 'private-organization.00000000-0000-7000-8000-000000000000', personal),
      askGrant(client, 'presence-everybody', personal),
    ])

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403, 403, 403])
    expect(new Set(await Promise.all(answers.slice(1).map((answer) => answer.text()))).size).toBe(1)
  })

  test('PR-902 is good for its connection and channel alone, and cannot be made up', async () => {
    const one = await connect()
    const two = await connect()
    const token = await buildPersonalToken(world.app, ada)
    const auth = await grantOf(one, channelOf(acme), token)

    two.send('pusher:subscribe', { channel: channelOf(acme), auth })
    one.send('pusher:subscribe', { channel: channelOf(other), auth })
    one.send('pusher:subscribe', { channel: channelOf(acme), auth: auth.replace(/\.\d+(\.\d+\.\d+)$/, '.1$1') })
    one.send('pusher:subscribe', { channel: channelOf(acme) })

    for (const client of [two, one, one, one]) {
      expect((await client.next('pusher:subscription_error')).data).toMatchObject({ status: 403 })
    }
  })

  test('PR-902 has to be used at once, and ends with its time', async () => {
    const [late, ending] = [await connect(), await connect()]
    const token = await buildPersonalToken(world.app, ada)
    const auth = await grantOf(late, channelOf(acme), token)
    await subscribe(ending, acme, token)
    world.app.clock.advance('61 minutes')

    late.send('pusher:subscribe', { channel: channelOf(acme), auth })
    await late.next('pusher:subscription_error')
    await record({ type: 'invitation.sent', organization: acme.id, invitation: 5 as never, email: 'e@x.org', role: 'member' })

    expect(await ending.closed).toBe(4200)
    expect(ending.frames.some(({ event }) => event === 'activity.recorded')).toBe(false)
  })

  test('PR-902 needs a body with both fields', async () => {
    const token = await buildPersonalToken(world.app, ada)
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }

    const answer = await world.send('/broadcasting/auth', { method: 'POST', headers, body: '{"socket_id":"x"}' })

    expect(answer.status).toBe(422)
  })
})

describe('a channel', () => {
  test('PR-902 hears how syncs go and what is done', async () => {
    const client = await listening(acme, ada)
    const source = await buildSource(world.app, acme.id, 'https://git.example.org/acme/tools.git')
    const about = { organization: acme.id, source }

    await record({ type: 'source.sync-requested', ...about })
    await record({ type: 'source.failed', ...about, code: 'source_unreachable', problem: 'away' })

    const statuses = [await client.next('repository.sync.status-updated'), await client.next('repository.sync.status-updated')]
    const { uid, syncedAt } = (await findSource(world.app.ports.database.read, source)) ?? { uid: '', syncedAt: null }
    expect(statuses).toEqual(
      ['pending', 'failed'].map((syncStatus) => ({
        event: 'repository.sync.status-updated',
        channel: channelOf(acme),
        data: {
          organizationUuid: acme.uid,
          repositoryUuid: uid,
          syncStatus,
          lastSyncedAt: new Date(syncedAt ?? 0).toISOString(),
        },
      })),
    )
    expect((await client.next('activity.recorded')).data).toEqual({
      organizationUuid: acme.uid,
      activityType: 'repository.sync_failed',
    })
  })

  test('PR-902 hears of new advisories, whoever they are for', async () => {
    const client = await listening(acme, ada)

    await record({ type: 'advisories.fetched', organization: null, feed: 'feed', added: 0, changed: 0, withdrawn: 0 })
    await record({ type: 'advisories.fetched', organization: null, feed: 'feed', added: 2, changed: 0, withdrawn: 0 })

    expect((await client.next('security.advisories-updated')).data).toEqual({ organizationUuid: acme.uid })
    await Bun.sleep(300)
    expect(client.frames.filter(({ event }) => event === 'security.advisories-updated')).toHaveLength(1)
  })

  test('abuse 65: PR-902 hears nothing of another organization', async () => {
    const client = await listening(acme, ada)
    const secret = 'canary-of-other'
    await record({
      type: 'invitation.sent',
      organization: other.id,
      invitation: 1 as never,
      email: `${secret}@x.org`,
      role: 'member',
    })
    await record({ type: 'invitation.sent', organization: acme.id, invitation: 2 as never, email: 'b@x.org', role: 'member' })

    await client.next('activity.recorded')

    const heard = JSON.stringify(client.frames)
    expect(heard).not.toContain(other.uid)
    expect(heard).not.toContain(secret)
    expect(client.frames.filter(({ event }) => event === 'activity.recorded')).toHaveLength(1)
  })

  test('PR-902 is left when it is unsubscribed from', async () => {
    const client = await listening(acme, ada)

    client.send('pusher:unsubscribe', { channel: channelOf(acme) })
    client.send('pusher:ping', {})
    await client.next('pusher:pong')
    await record({ type: 'invitation.sent', organization: acme.id, invitation: 3 as never, email: 'c@x.org', role: 'member' })
    await Bun.sleep(300)

    expect(client.frames.some(({ event }) => event === 'activity.recorded')).toBe(false)
  })
})

describe('a channel and who loses the right to it', () => {
  test('PR-902 is closed to who is no member any more, before anything after it is told', async () => {
    const grace = await buildMember(world.app, acme, 'grace', 'member')
    const [leaving, staying] = [await listening(acme, grace), await listening(acme, ada)]
    const token = await buildPersonalToken(world.app, grace)
    const auth = await grantOf(leaving, channelOf(acme), token)

    await removeMember(world.app.ctx(), { organization: acme, user: grace.uid })
    await record({ type: 'invitation.sent', organization: acme.id, invitation: 4 as never, email: 'd@x.org', role: 'member' })

    expect(await leaving.closed).toBe(4200)
    await staying.next('activity.recorded')
    expect(leaving.frames.some(({ event }) => event === 'activity.recorded')).toBe(false)
    const again = await connect()
    expect((await askGrant(again, channelOf(acme), token)).status).toBe(403)
    again.send('pusher:subscribe', { channel: channelOf(acme), auth })
    await again.next('pusher:subscription_error')
  })

  test('PR-902 is closed when the person signs out', async () => {
    const browser = await world.signedIn()
    const client = await connect()
    const fields = { socket_id: client.socketId, channel_name: channelOf(acme) }
    const { auth } = (await (await browser.submit('/broadcasting/auth', fields)).json()) as { auth: string }
    client.send('pusher:subscribe', { channel: channelOf(acme), auth })
    await client.next('pusher_internal:subscription_succeeded')

    await browser.call('POST', '/app/api/sign-out')

    expect(await client.closed).toBe(4200)
  })
})
