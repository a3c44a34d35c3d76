/** Incoming hooks as pricore.md §8 has them, over the whole server without a socket. */
import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { listReceipts } from '../../../src/core/hooks/index.ts'
import { removeSource } from '../../../src/core/sources/index.ts'
import { createHookSource, type HookSource } from '../../kit/hook-source.ts'
import { createTestServer, type TestServer } from '../../kit/http.ts'

const BODY = '{"ref":"refs/heads/main","zen":"ünïcode, and  spaces"}'

interface Hooked extends HookSource {
  http: TestServer
  uid: string
  secret: string
}

async function hookedServer(): Promise<Hooked> {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  const http = await createTestServer({ app: hooked.app })
  return { ...hooked, http, uid: (await hooked.source()).uid, secret: hooked.hook.secret }
}

function hex(secret: string, body = BODY): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

async function post(hooked: Hooked, path: string, headers: Record<string, string>, body = BODY) {
  const response = await hooked.http.send(`/webhooks/${path}`, { method: 'POST', headers, body })
  expect(response.headers.get('content-type')).toBe('application/json')
  return [response.status, (await response.json()) as unknown]
}

const DISPATCHED = [200, { message: 'Sync dispatched.' }]
const IGNORED = [200, { message: 'Event ignored.' }]
const PONG = [200, { message: 'pong' }]

function refused(message: string) {
  return [403, { message }]
}

async function countSyncs(hooked: Hooked): Promise<number> {
  const jobs = await hooked.app.test.database.read.selectFrom('jobs').select('id').where('kind', '=', 'source.sync').execute()
  return jobs.length
}

describe('GitHub', () => {
  function github(hooked: Hooked, event: string, signature: string | null = `sha256=${hex(hooked.secret)}`) {
    return post(hooked, `github/${hooked.uid}`, {
      'X-GitHub-Event': event,
      ...(signature === null ? {} : { 'X-Hub-Signature-256': signature }),
    })
  }

  test('PR-501 CO-146 push, release and delete ask for a sync, ping is answered, others are ignored', async () => {
    const hooked = await hookedServer()

    expect(await github(hooked, 'ping')).toEqual(PONG)
    expect(await github(hooked, 'star')).toEqual(IGNORED)
    expect(await countSyncs(hooked)).toBe(0)
    for (const event of ['push', 'release', 'delete']) {
      expect(await github(hooked, event)).toEqual(DISPATCHED)
    }
    expect(await countSyncs(hooked)).toBe(1)
  })

  test('PR-502 CO-146 a missing and a wrong signature are refused, each in its words', async () => {
    const hooked = await hookedServer()

    expect(await github(hooked, 'push', null)).toEqual(refused('Missing signature.'))
    for (const wrong of [
      'sha256=',
      `sha256=${hex('wrong')}`,
      hex(hooked.secret),
      `sha1=${hex(hooked.secret)}`,
      `sha256=${hex(hooked.secret)}00`,
      `sha256=${hex(hooked.secret, `${BODY} `)}`,
    ]) {
      expect(await github(hooked, 'push', wrong)).toEqual(refused('Invalid signature.'))
    }
    expect(await countSyncs(hooked)).toBe(0)
  })

  test('PR-502 a ping needs a right signature too', async () => {
    const hooked = await hookedServer()

    expect(await github(hooked, 'ping', `sha256=${hex('wrong')}`)).toEqual(refused('Invalid signature.'))
  })

  test('PR-502 a source without a secret is refused in other words than a wrong one', async () => {
    const hooked = await hookedServer()
    await hooked.app.test.database.write.deleteFrom('hooks').execute()

    expect(await github(hooked, 'push')).toEqual(refused('Invalid webhook configuration.'))
  })

  test('PR-502 an unknown uuid, what is none, a removed source and an unknown provider are not found, all alike', async () => {
    const hooked = await hookedServer()
    const headers = { 'X-Hub-Signature-256': `sha256=${hex(hooked.secret)}`, 'X-GitHub-Event': 'push' }
    const answers = [
      await post(hooked, 'github/0195f3a0-0000-7000-8000-000000000000', headers),
      await post(hooked, 'github/not-a-uuid', headers),
      await post(hooked, `constructor/${hooked.uid}`, headers),
      await post(hooked, `svn/${hooked.uid}`, headers),
    ]
    await removeSource(hooked.app.ctx(), await hooked.source())
    answers.push(await post(hooked, `github/${hooked.uid}`, headers))

    for (const answer of answers) {
      expect(answer).toEqual([404, { message: 'Not Found' }])
    }
  })
})

describe('GitLab', () => {
  function gitlab(hooked: Hooked, event: string, token: string | null = hooked.secret) {
    return post(hooked, `gitlab/${hooked.uid}`, {
      'X-Gitlab-Event': event,
      ...(token === null ? {} : { 'X-Gitlab-Token': token }),
    })
  }

  test('PR-503 CO-146 a push and the push of a tag ask for a sync, others are ignored', async () => {
    const hooked = await hookedServer()

    expect(await gitlab(hooked, 'Push Hook')).toEqual(DISPATCHED)
    expect(await gitlab(hooked, 'Tag Push Hook')).toEqual(DISPATCHED)
    expect(await gitlab(hooked, 'Issue Hook')).toEqual(IGNORED)
  })

  test('PR-503 CO-146 a missing and a wrong token are refused', async () => {
    const hooked = await hookedServer()

    expect(await gitlab(hooked, 'Push Hook', null)).toEqual(refused('Missing token.'))
    expect(await gitlab(hooked, 'Push Hook', 'wrong')).toEqual(refused('Invalid token.'))
    expect(await gitlab(hooked, 'Push Hook', hooked.secret.toLowerCase())).toEqual(refused('Invalid token.'))
  })

  test('an event that another event’s webhook caused is not taken for a copy of that one', async () => {
    const hooked = await hookedServer()
    const send = (key: string) =>
      post(hooked, `gitlab/${hooked.uid}`, {
        'X-Gitlab-Event': 'Push Hook',
        'X-Gitlab-Token': hooked.secret,
        'X-Gitlab-Event-UUID': 'one-chain',
        'Idempotency-Key': key,
      })

    expect(await send('a')).toEqual(DISPATCHED)
    expect(await send('b')).toEqual(DISPATCHED)
    expect(await send('b')).toEqual(IGNORED)
  })
})

describe('Bitbucket', () => {
  function bitbucket(hooked: Hooked, event: string, signature: string | null = `sha256=${hex(hooked.secret)}`) {
    return post(hooked, `bitbucket/${hooked.uid}`, {
      'X-Event-Key': event,
      ...(signature === null ? {} : { 'X-Hub-Signature': signature }),
    })
  }

  test('PR-504 CO-146 repo:push and repo:refs_changed ask for a sync, others are ignored', async () => {
    const hooked = await hookedServer()

    expect(await bitbucket(hooked, 'repo:push')).toEqual(DISPATCHED)
    expect(await bitbucket(hooked, 'repo:refs_changed')).toEqual(DISPATCHED)
    expect(await bitbucket(hooked, 'repo:fork')).toEqual(IGNORED)
    expect(await bitbucket(hooked, 'diagnostics:ping')).toEqual(PONG)
  })

  test('PR-504 CO-146 a missing and a wrong signature are refused', async () => {
    const hooked = await hookedServer()

    expect(await bitbucket(hooked, 'repo:push', null)).toEqual(refused('Missing signature.'))
    expect(await bitbucket(hooked, 'repo:push', `sha256=${hex('wrong')}`)).toEqual(refused('Invalid signature.'))
  })
})

describe('others', () => {
  test('PR-505 a bearer token, a header and the query are accepted, in this order', async () => {
    const hooked = await hookedServer()
    const { secret, uid } = hooked

    expect(await post(hooked, `git/${uid}`, { Authorization: `Bearer ${secret}` })).toEqual(DISPATCHED)
    expect(await post(hooked, `git/${uid}`, { 'X-Webhook-Token': secret })).toEqual(DISPATCHED)
    expect(await post(hooked, `git/${uid}?token=${secret}`, {})).toEqual(DISPATCHED)
    expect(await post(hooked, `git/${uid}`, { 'X-Webhook-Token': secret }, '')).toEqual(DISPATCHED)
    expect(await post(hooked, `git/${uid}?token=${secret}`, { Authorization: 'Bearer wrong' })).toEqual(refused('Invalid token.'))
    expect(await post(hooked, `git/${uid}?token=${secret}`, { 'X-Webhook-Token': 'wrong' })).toEqual(refused('Invalid token.'))
  })

  test('PR-505 a missing and a wrong token are refused', async () => {
    const hooked = await hookedServer()

    expect(await post(hooked, `git/${hooked.uid}`, {})).toEqual(refused('Missing token.'))
    expect(await post(hooked, `git/${hooked.uid}?token=`, {})).toEqual(refused('Missing token.'))
    expect(await post(hooked, `git/${hooked.uid}?token=wrong`, {})).toEqual(refused('Invalid token.'))
  })

  test('a signature with a time is accepted for 300 seconds, and nothing beside it counts', async () => {
    const hooked = await hookedServer()
    const { secret, uid } = hooked
    const signed = (at: number) => `t=${at},v1=${hex(secret, `${at}.${BODY}`)}`
    const now = Math.floor(hooked.app.clock.now() / 1000)
    const send = (signature: string) => post(hooked, `git/${uid}?token=${secret}`, { 'X-Repertoire-Signature': signature })

    expect(await send(signed(now))).toEqual(DISPATCHED)
    for (const wrong of [signed(now - 301), signed(now + 301), `v1=${hex(secret)}`, `t=${now},v1=${hex(secret)}`, 't=,v1=', '']) {
      expect(await send(wrong)).toEqual(refused('Invalid signature.'))
    }
  })

  test.each([
    ['gitea', 'X-Gitea-Signature', 'X-Gitea-Event', ''],
    ['gitea', 'X-Hub-Signature-256', 'X-Gitea-Event', 'sha256='],
    ['forgejo', 'X-Forgejo-Signature', 'X-Forgejo-Event', ''],
    ['forgejo', 'X-Gitea-Signature', 'X-Gitea-Event', ''],
  ])('CO-146 %s is understood by %s', async (provider, signature, event, prefix) => {
    const hooked = await hookedServer()
    const send = (name: string, secret: string) =>
      post(hooked, `${provider}/${hooked.uid}`, { [signature]: `${prefix}${hex(secret)}`, [event]: name })

    for (const name of ['push', 'create', 'delete', 'release']) {
      expect(await send(name, hooked.secret)).toEqual(DISPATCHED)
    }
    expect(await send('issues', hooked.secret)).toEqual(IGNORED)
    expect(await send('push', 'wrong')).toEqual(refused('Invalid signature.'))
    expect(await post(hooked, `${provider}/${hooked.uid}`, { [event]: 'push' })).toEqual(refused('Missing signature.'))
  })
})

test('PR-508 every delivery is in the log with its time, event and outcome, and without secrets', async () => {
  const hooked = await hookedServer()
  const headers = (event: string, secret = hooked.secret) => ({
    'X-GitHub-Event': event,
    'X-GitHub-Delivery': `id-of-${event}`,
    'X-Hub-Signature-256': `sha256=${hex(secret)}`,
  })
  await post(hooked, `github/${hooked.uid}`, headers('push'))
  await post(hooked, `github/${hooked.uid}`, headers('push'))
  await post(hooked, `github/${hooked.uid}`, headers('star'))
  await post(hooked, `github/${hooked.uid}`, headers('delete', 'wrong'))
  await post(hooked, `git/${hooked.uid}?token=${hooked.secret}`, {})

  const { items } = await listReceipts(hooked.app.ctx(), await hooked.source(), { limit: 10, after: null })

  const receivedAt = hooked.app.clock.now()
  expect(items.toReversed()).toMatchObject([
    { provider: 'github', event: 'push', delivery: 'id-of-push', outcome: 'accepted', reason: null, receivedAt },
    { provider: 'github', event: 'push', delivery: 'id-of-push', outcome: 'accepted', reason: 'duplicate', receivedAt },
    { provider: 'github', event: 'star', delivery: 'id-of-star', outcome: 'ignored', reason: 'other_event', receivedAt },
    {
      provider: 'github',
      event: 'delete',
      delivery: 'id-of-delete',
      outcome: 'refused',
      reason: 'invalid_signature',
      receivedAt,
    },
    { provider: 'git', event: null, delivery: null, outcome: 'accepted', reason: null, receivedAt },
  ])
  expect(JSON.stringify(items)).not.toContain(hooked.secret)
})

test('abuse 46: whoever sends too much is told when to come back', async () => {
  const hooked = await hookedServer()
  const send = (peer: string) =>
    hooked.http.send(`/webhooks/gitlab/${hooked.uid}`, {
      method: 'POST',
      headers: { 'X-Gitlab-Token': 'wrong', 'X-Gitlab-Event': 'Push Hook' },
      body: BODY,
      peer,
    })
  for (let count = 0; count < 20; count += 1) {
    expect((await send('192.0.2.7')).status).toBe(403)
  }

  const limited = await send('192.0.2.7')

  expect([limited.status, await limited.json()]).toEqual([429, { message: 'Too Many Attempts.' }])
  expect(limited.headers.get('retry-after')).toBe('60')
  expect((await send('192.0.2.8')).status).toBe(403)
})

test('an address of a hook answers POST alone', async () => {
  const hooked = await hookedServer()

  expect((await hooked.http.send(`/webhooks/github/${hooked.uid}`)).status).toBe(405)
})
