import { expect, test } from 'bun:test'
import type { FollowedEvent } from '../../core/audit/index.ts'
import type { Instant, OrganizationId, SourceId, UserId } from '../../core/kernel/values.ts'
import { concernsEverybody, sourceOf, toBroadcasts } from './broadcasts.ts'
import { deriveRealtimeKey, issueGrant, readGrant } from './channel-grant.ts'
import { channelOf, frame, parseChannel, parseFrame } from './frames.ts'

const SECRETS = { fingerprint: (text: string) => `-_${text.replaceAll(' ', '')}abcdefghijklmnopqrstuvwxyz`, redact: () => {} }
const REALTIME = deriveRealtimeKey(SECRETS)
const PLACE = { socket: '1.2', channel: 'private-organization.x' }
const GRANT = { user: 7 as UserId, until: 1_900_000_000_000 as Instant, issuedAt: 1_800_000_000_000 as Instant }
const UID = '019ca945-0a00-74f6-a981-a8522c62421b'
const organization = 3 as OrganizationId
const source = 5 as SourceId
const at = 0 as Instant

test('a key has letters and digits only, and the secret is another', () => {
  expect(REALTIME.key).toMatch(/^[A-Za-z0-9]{20}$/)
  expect(REALTIME.secret).not.toContain(REALTIME.key)
})

test('a grant is read where it was issued for, and nowhere else', () => {
  const auth = issueGrant(REALTIME, PLACE, GRANT)

  expect(readGrant(REALTIME, PLACE, auth)).toEqual(GRANT)
  expect(readGrant(REALTIME, { ...PLACE, socket: '1.3' }, auth)).toBeNull()
  expect(readGrant(REALTIME, { ...PLACE, channel: 'other' }, auth)).toBeNull()
  expect(readGrant({ ...REALTIME, secret: 'other' }, PLACE, auth)).toBeNull()
  expect(readGrant({ ...REALTIME, key: 'other' }, PLACE, auth)).toBeNull()
})

test.each(['', ':', 'key:00', `${REALTIME.key}:${'0'.repeat(64)}.7.1900000000000.1800000000000`])('"%s" is no grant', (auth) => {
  expect(readGrant(REALTIME, PLACE, auth)).toBeNull()
})

test('a grant cannot be changed to somebody else, nor to a later time', () => {
  const auth = issueGrant(REALTIME, PLACE, GRANT)

  expect(readGrant(REALTIME, PLACE, auth.replace('.7.', '.8.'))).toBeNull()
  expect(readGrant(REALTIME, PLACE, `${auth}0`)).toBeNull()
})

test('frames are read with their data as an object and as text', () => {
  const data = { channel: 'c', auth: 'a' }

  expect(parseFrame(JSON.stringify({ event: 'pusher:subscribe', data }))).toEqual({ kind: 'subscribe', ...data })
  expect(parseFrame(frame('pusher:subscribe', data))).toEqual({ kind: 'subscribe', ...data })
  expect(parseFrame(frame('pusher:unsubscribe', { channel: 'c' }))).toEqual({ kind: 'unsubscribe', channel: 'c' })
  expect(parseFrame('{"event":"pusher:ping"}')).toEqual({ kind: 'ping' })
  expect(parseFrame('{"event":"client-x","data":{}}')).toEqual({ kind: 'other' })
})

test.each(['', '[]', 'null', '{"event":1}', '{"event":"pusher:subscribe","data":"{"}', '{"event":"pusher:subscribe","data":{}}'])(
  '%s is no frame',
  (text) => {
    expect(parseFrame(text)).toBeNull()
  },
)

test('channels are those of organizations', () => {
  expect(parseChannel(channelOf(UID))).toBe(UID)
  expect(
    ['organization.x', `organization.${UID}`, `presence-organization.${UID}`, `${channelOf(UID)}x`].map(parseChannel),
  ).toEqual([null, null, null, null])
})

test('a sync of a mirror is told as that of a mirror', () => {
  const event: FollowedEvent = { type: 'mirror.refreshed', organization, source, added: 1, updated: 0, removed: 0, failed: 0, at }

  const broadcasts = toBroadcasts(event, { uid: UID, kind: 'mirror', syncedAt: 1_000 as Instant })

  expect(sourceOf(event)).toBe(source)
  expect(broadcasts).toEqual([
    {
      event: 'mirror.sync.status-updated',
      data: { mirrorUuid: UID, syncStatus: 'ok', lastSyncedAt: '1970-01-01T00:00:01.000Z' },
    },
    { event: 'activity.recorded', data: { activityType: 'mirror.synced' } },
  ])
})

test('of a source that is gone nothing but the activity is told', () => {
  const event: FollowedEvent = { type: 'source.synced', organization, source, versions: 1, skipped: 0, at }

  expect(toBroadcasts(event, null)).toEqual([{ event: 'activity.recorded', data: { activityType: 'repository.synced' } }])
})

test('advisories of the installation concern everybody, those of an organization its members', () => {
  const imported: FollowedEvent = { type: 'advisories.imported', organization: null, added: 1, changed: 0, withdrawn: 0, at }
  const own: FollowedEvent = { type: 'advisory.added', organization, advisory: 'A', name: 'acme/a', at }

  expect([concernsEverybody(imported), concernsEverybody(own)]).toEqual([true, false])
  expect([imported, own].map((event) => toBroadcasts(event, null))).toEqual([
    [{ event: 'security.advisories-updated', data: {} }],
    [{ event: 'security.advisories-updated', data: {} }],
  ])
})
