import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

interface WebhookDocument {
  uid: string
  secret?: string
  name: string
  events: string[] | null
  isActive: boolean
}

let cli: CliFixture
beforeEach(async () => {
  cli = createCliFixture({ REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8', REPERTOIRE_ALLOW_HTTP_SOURCES: 'true' })
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

async function addHook(): Promise<WebhookDocument> {
  const line = ['webhook', 'add', 'acme', 'http://127.0.0.1:9/in', '--events', 'version.published', 'version.removed', '--json']
  return (await cli.succeed(line)).json<WebhookDocument>()
}

test('an outgoing hook is added with a secret that is shown once', async () => {
  const added = await addHook()
  const shown = await cli.succeed(['webhook', 'show', 'acme', added.uid])
  const list = (await cli.succeed(['webhook', 'list', 'acme', '--json'])).json<WebhookDocument[]>()

  expect(added.secret).toMatch(/^whsec_/)
  expect(added).toMatchObject({ name: '127.0.0.1:9', events: ['version.published', 'version.removed'], isActive: true })
  expect(shown.stdout).toContain('version.published, version.removed')
  expect(shown.stdout + JSON.stringify(list)).not.toContain('whsec_')
  expect(list).toHaveLength(1)
})

test('it is changed, rotated, tried, switched and removed', async () => {
  const { uid, secret } = await addHook()

  const changed = (await cli.succeed(['webhook', 'set', 'acme', uid, '--name', 'builds', '--json'])).json<WebhookDocument>()
  const rotated = (await cli.succeed(['webhook', 'rotate', 'acme', uid, '--json'])).json<WebhookDocument>()
  const ping = (await cli.succeed(['webhook', 'ping', 'acme', uid, '--json'])).json<{ delivery: string }>()
  const resent = (await cli.succeed(['webhook', 'resend', 'acme', uid, ping.delivery, '--json'])).json<{ delivery: string }>()
  const log = await cli.succeed(['webhook', 'log', 'acme', uid])
  const off = await cli.succeed(['webhook', 'disable', 'acme', uid])
  const refused = await cli.run(['webhook', 'ping', 'acme', uid])
  const on = (await cli.succeed(['webhook', 'enable', 'acme', uid, '--json'])).json<WebhookDocument>()
  await cli.succeed(['webhook', 'remove', 'acme', uid])
  const gone = await cli.run(['webhook', 'show', 'acme', uid])

  expect(changed).toMatchObject({ name: 'builds', events: ['version.published', 'version.removed'] })
  expect(rotated.secret).not.toBe(secret)
  expect(resent).toEqual(ping)
  expect(log.stdout).toContain(ping.delivery)
  expect(off.stdout).toContain('off: somebody switched it off')
  expect([refused.code, gone.code]).toEqual([4, 3])
  expect(on.isActive).toBe(true)
})

test('a private address and an unknown event are refused with the rule', async () => {
  const blocked = await cli.run(['webhook', 'add', 'acme', 'https://10.0.0.1/'])
  const unknown = await cli.run(['webhook', 'add', 'acme', 'http://127.0.0.1:9/', '--events', 'token.created'])

  expect(blocked.stderr).toContain('private')
  expect(unknown.stderr).toContain('version.published')
  expect([blocked.code, unknown.code].every((code) => code !== 0)).toBe(true)
})

test('notices are switched for an organization', async () => {
  const before = await cli.succeed(['notices', 'acme'])
  const off = (await cli.succeed(['notices', 'acme', '--off', '--json'])).json()

  expect(before.stdout).toContain('Notices are on. Mail is not configured.')
  expect(off).toEqual({ on: false })
})
