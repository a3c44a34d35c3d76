import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { HOOK_PROVIDERS } from '../../src/cli/commands/hook.ts'
import { formatSyncInterval, parseSyncInterval } from '../../src/cli/sync-interval.ts'
import { PROVIDERS } from '../../src/surfaces/inbound/providers.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

interface HookDocument {
  source: { uid: string; hook: { state: string } }
  urls: Record<string, string>
  secret: string
  rotatedAt: string | null
  previousUntil: string | null
}

let cli: CliFixture
let repository: TestRepository

beforeAll(async () => {
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/widgets"}' } })
  await repository.setRefs({ 'refs/heads/main': commit })
})
afterAll(() => repository.remove())

beforeEach(async () => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
  await cli.succeed(['org', 'create', 'acme'])
  await cli.succeed(['source', 'add', 'acme', repository.url])
})
afterEach(() => cli.end())

async function showHook(): Promise<HookDocument> {
  return (await cli.succeed(['hook', 'show', 'acme', repository.url, '--json'])).json<HookDocument>()
}

describe('hook show', () => {
  test('prints the address for each provider and a secret, the same each time', async () => {
    const hook = await showHook()
    const text = await cli.succeed(['hook', 'show', 'acme', hook.source.uid])

    expect(hook).toMatchObject({
      source: { hook: { state: 'waiting' } },
      rotatedAt: null,
      previousUntil: null,
    })
    expect(hook.secret).toMatch(/^[0-9A-Za-z]{40}$/)
    expect(hook.urls).toEqual(
      Object.fromEntries(
        Object.keys(PROVIDERS).map((name) => [name, `https://packages.example.com/webhooks/${name}/${hook.source.uid}`]),
      ),
    )
    expect(text.stdout).toMatch(new RegExp(`^GitHub: +https://packages.example.com/webhooks/github/${hook.source.uid}$`, 'm'))
    expect(text.stdout).toMatch(new RegExp(`^Secret: +${hook.secret}$`, 'm'))
    expect(text.stdout).toMatch(/^State: +nothing arrived yet$/m)
  })

  test('says that the address is a guess without REPERTOIRE_URL', async () => {
    const shown = await cli.succeed(['hook', 'show', 'acme', repository.url], { env: { REPERTOIRE_URL: '' } })

    expect(shown.stdout).toContain('http://localhost:8080/webhooks/github/')
    expect(shown.stdout).toContain('The address is a guess')
  })

  test('of an unknown source ends with code 3', async () => {
    expect((await cli.run(['hook', 'show', 'acme', 'https://example.org/none.git'])).code).toBe(3)
    expect((await cli.run(['hook', 'log', 'acme', 'none'])).code).toBe(3)
  })
})

test('hook rotate prints a new secret and until when the old one is accepted', async () => {
  const before = await showHook()

  const rotated = (await cli.succeed(['hook', 'rotate', 'acme', repository.url, '--json'])).json<HookDocument>()
  const again = await cli.succeed(['hook', 'rotate', 'acme', repository.url])

  expect(rotated.secret).not.toBe(before.secret)
  expect(Date.parse(rotated.previousUntil ?? '') - Date.parse(rotated.rotatedAt ?? '')).toBe(24 * 60 * 60 * 1000)
  expect(again.stderr).toMatch(/^The secret before this one is accepted until \d{4}-/)
  expect(again.stdout).not.toContain(rotated.secret)
})

test('hook log of a hook that nothing came to says so', async () => {
  expect((await cli.succeed(['hook', 'log', 'acme', repository.url])).stdout).toBe('Nothing has arrived yet.\n')
  expect((await cli.succeed(['hook', 'log', 'acme', repository.url, '--json'])).json<unknown>()).toEqual([])
})

test('the secret is printed by hook show and hook rotate alone', async () => {
  const { secret } = await showHook()

  for (const line of [
    ['source', 'show', 'acme', repository.url],
    ['source', 'list', 'acme'],
    ['hook', 'log', 'acme', repository.url],
    ['job', 'list'],
  ]) {
    expect((await cli.succeed([...line, '--json'])).stdout).not.toContain(secret)
  }
})

describe('source set', () => {
  test('changes how often a source is looked at, and source show says it', async () => {
    const auto = await cli.succeed(['source', 'show', 'acme', repository.url])
    const set = await cli.succeed(['source', 'set', 'acme', repository.url, '--interval', '10m'])
    const shown = await cli.succeed(['source', 'show', 'acme', repository.url])
    const reset = await cli.succeed(['source', 'set', 'acme', repository.url, '--interval', 'auto', '--json'])

    expect(auto.stdout).toMatch(/^Looked at every: +15m \(auto\)$/m)
    expect(auto.stdout).toMatch(/^Hook: +none$/m)
    expect(set.stdout).toContain('is looked at every 10m.')
    expect(shown.stdout).toMatch(/^Looked at every: +10m$/m)
    expect(reset.json()).toMatchObject({ intervalSeconds: null, hook: null })
  })

  test('refuses what is no duration with code 2, and one out of range with code 4', async () => {
    for (const interval of ['10', '0m', '-5m', '1.5h', '', 'never']) {
      expect((await cli.run(['source', 'set', 'acme', repository.url, '--interval', interval])).code).toBe(2)
    }
    expect((await cli.run(['source', 'set', 'acme', repository.url])).code).toBe(2)
    expect((await cli.run(['source', 'set', 'acme', repository.url, '--interval', '30s'])).code).toBe(4)
    expect((await cli.run(['source', 'set', 'acme', repository.url, '--interval', '31d'])).code).toBe(4)
  })
})

test('source show says that a hook missed a change', async () => {
  await showHook()
  const database = new (await import('bun:sqlite')).Database(`${cli.directory}/repertoire.db`)
  database.run('UPDATE sources SET hook_seen_at = 1772366400000, hook_missed_at = 1772370000000')
  database.close()

  const shown = await cli.succeed(['source', 'show', 'acme', repository.url])
  const document = await cli.succeed(['source', 'show', 'acme', repository.url, '--json'])

  expect(shown.stdout).toContain(
    'hook missed: a change was found 2026-03-01 13:00 UTC; last told of a change 2026-03-01 12:00 UTC',
  )
  expect(document.json()).toMatchObject({ hook: { state: 'missed', missedAt: '2026-03-01T13:00:00.000Z' } })
})

test('the command line knows the providers that the server knows', () => {
  expect(HOOK_PROVIDERS.map(([provider]) => provider)).toEqual(Object.keys(PROVIDERS))
})

test('durations are read and written in whole units', () => {
  for (const text of ['90s', '10m', '2h', '1d', '45d', '61m']) {
    expect(formatSyncInterval(Number(parseSyncInterval(text)))).toBe(text)
  }
  expect(formatSyncInterval(3600)).toBe('1h')
  expect(formatSyncInterval(7 * 86_400)).toBe('7d')
  expect(parseSyncInterval('auto')).toBe('auto')
})
