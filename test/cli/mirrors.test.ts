import { afterEach, beforeEach, expect, test } from 'bun:test'
import { temporaryUpstream } from '../kit/upstream-server.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = createCliFixture({ REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8' })
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

test('a mirror is added and read, its packages are added, and it is removed with them', async () => {
  const upstream = await temporaryUpstream({ packages: { 'psr/log': ['1.0.0'], 'psr/http': ['1.0.0'] } })
  const added = await cli.succeed(['mirror', 'add', 'acme', upstream.url, '--name', 'Upstream', '--behavior', 'manual', '--json'])
  expect(added.json<object>()).toMatchObject({
    name: 'Upstream',
    behavior: 'manual',
    state: 'ready',
    protocol: 'metadata',
    problem: null,
  })

  const mirrored = await cli.run(['mirror', 'packages', 'add', 'acme', 'Upstream', 'psr/log', 'psr/none'])
  expect(mirrored.stdout).toMatch(/psr\/log +succeeded/)
  expect(mirrored.code).toBe(1)
  expect((await cli.succeed(['mirror', 'packages', 'list', 'acme', 'Upstream'])).stdout).toMatch(/psr\/log +present/)
  upstream.setVersions('psr/log', ['1.0.0', '1.1.0'])
  expect((await cli.succeed(['mirror', 'refresh', 'acme', upstream.url])).stdout).toMatch(/State: +ready/)
  expect((await cli.succeed(['package', 'show', 'acme', 'psr/log'])).stdout).toContain('1.1.0')

  expect((await cli.run(['mirror', 'remove', 'acme', 'Upstream'])).code).toBe(4)
  expect((await cli.run(['mirror', 'remove', 'acme', 'Upstream', '--with-packages'])).code).toBe(2)
  await cli.succeed(['mirror', 'remove', 'acme', 'Upstream', '--with-packages', '--yes'])
  expect((await cli.succeed(['mirror', 'list', 'acme'])).stdout).toContain('has no mirrors')
})

test('a mirror is changed, disabled, enabled and put into another place', async () => {
  const first = await temporaryUpstream({ packages: {} })
  const second = await temporaryUpstream({ packages: {}, protection: { 'x-token': 'secret-1' } })
  await cli.succeed(['mirror', 'add', 'acme', first.url, '--name', 'first'])
  const refused = await cli.run(['mirror', 'add', 'acme', second.url, '--name', 'second'])
  expect(refused.code).toBe(1)
  const changed = await cli.succeed(
    ['mirror', 'change', 'acme', 'second', '--headers-env', 'HEADERS', '--only', 'psr/*', '--json'],
    {
      env: { HEADERS: 'X-Token: secret-1' },
    },
  )
  expect(changed.json<object>()).toMatchObject({ state: 'ready', only: ['psr/*'], hasCredential: true })
  expect(changed.stdout + changed.stderr).not.toContain('secret-1')

  expect((await cli.succeed(['mirror', 'disable', 'acme', 'first'])).stdout).toMatch(/State: +disabled/)
  expect((await cli.run(['mirror', 'refresh', 'acme', 'first'])).code).toBe(4)
  expect((await cli.succeed(['mirror', 'enable', 'acme', 'first', '--behavior', 'admins'])).stdout).toContain('added by admins')
  expect((await cli.succeed(['mirror', 'order', 'acme', 'second', 'first'])).stdout).toBe('1. second\n2. first\n')
  expect((await cli.run(['mirror', 'show', 'acme', 'third'])).code).toBe(3)
})

test('names are reserved and given free', async () => {
  await cli.succeed(['mirror', 'reserve', 'acme', 'corp-*/*'])
  expect((await cli.succeed(['mirror', 'reservations', 'acme'])).stdout).toMatch(/corp-\*\/\* +reserved by an administrator/)
  await cli.succeed(['mirror', 'unreserve', 'acme', 'corp-*/*', 'acme/*'])

  const left = (await cli.succeed(['mirror', 'reservations', 'acme', '--json'])).json<object[]>()
  expect(left).toEqual([{ pattern: 'acme/*', kind: 'released' }])
})
