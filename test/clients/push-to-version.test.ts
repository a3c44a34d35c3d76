/** From a push to a version that Composer can install, through a registry as its users run it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import type { TestRepository } from '../kit/git-repository.ts'
import { createReleases, packageCommit } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const PUSHES = 5
/** The goal is one second (domain.md §6); a busy test machine gets more. */
const BOUND = 5_000

interface HookDocument {
  urls: Record<string, string>
  secret: string
}

let registry: Registry
let repository: TestRepository
let token: string

beforeAll(async () => {
  registry = await startRegistry()
  await registry.cli('org', 'create', 'acme')
  token = await registry.token('acme')
  const tags = Array.from({ length: 30 }, (_, number) => [`1.${number}.0`, { php: '>=7.4' }] as const)
  repository = await createReleases('acme/pushed', Object.fromEntries(tags))
  await registry.publish('acme', repository)
}, 60_000)
afterAll(() => registry.end(), 20_000)

async function fetchReleases(): Promise<Map<string, string>> {
  const response = await fetch(`${registry.url}/acme/p2/acme/pushed.json`, { headers: { Authorization: `Bearer ${token}` } })
  const document = (await response.json()) as { packages: Record<string, { version: string; dist?: { url: string } }[]> }
  return new Map((document.packages['acme/pushed'] ?? []).map(({ version, dist }) => [version, dist?.url ?? '']))
}

/** Pushes a tag, tells the hook, and returns the milliseconds until metadata had it, and until its archive was downloaded. */
async function push(hook: HookDocument, version: string): Promise<{ visible: number; downloaded: number }> {
  const [commit = ''] = await repository.commit(packageCommit('acme/pushed', version))
  await repository.setRefs({ [`refs/tags/${version}`]: commit })
  const body = JSON.stringify({ ref: `refs/tags/${version}`, after: commit })
  const started = performance.now()
  const answer = await fetch(hook.urls['github'] ?? '', {
    method: 'POST',
    headers: {
      'X-GitHub-Event': 'push',
      'X-GitHub-Delivery': `push-of-${version}`,
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', hook.secret).update(body).digest('hex')}`,
    },
    body,
  })
  expect(await answer.json()).toEqual({ message: 'Sync dispatched.' })
  let url = (await fetchReleases()).get(version)
  while (url === undefined) {
    if (performance.now() - started > 30_000) {
      throw new Error(`The version ${version} did not appear.`)
    }
    await Bun.sleep(10)
    url = (await fetchReleases()).get(version)
  }
  const visible = performance.now() - started
  const archive = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  expect((await archive.bytes()).subarray(0, 2)).toEqual(new Uint8Array([0x50, 0x4b]))
  return { visible, downloaded: performance.now() - started }
}

test('a pushed tag that a hook tells of is installable in less than a second', async () => {
  const hook = await registry.cli<HookDocument>('hook', 'show', 'acme', repository.url)

  const times: { visible: number; downloaded: number }[] = []
  for (let number = 0; number < PUSHES; number += 1) {
    times.push(await push(hook, `2.${number}.0`))
  }

  const median = (values: number[]) => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Infinity
  expect(median(times.map(({ visible }) => visible))).toBeLessThan(BOUND)
  expect(median(times.map(({ downloaded }) => downloaded))).toBeLessThan(BOUND)
  expect(registry.problems).toEqual([])
}, 60_000)

test('the log of the hook has every push with the sync that it caused', async () => {
  const log = await registry.cli<{ delivery: string; outcome: string; job: number }[]>('hook', 'log', 'acme', repository.url)

  expect(log.map(({ delivery, outcome }) => [delivery, outcome])).toEqual(
    Array.from({ length: PUSHES }, (_, number) => [`push-of-2.${PUSHES - 1 - number}.0`, 'accepted']),
  )
  for (const { job } of log) {
    expect(await registry.cli<{ kind: string }>('job', 'show', String(job))).toMatchObject({
      kind: 'source.sync',
      state: 'succeeded',
    })
  }
})

test('replays, bursts and strangers leave one sync and no problem', async () => {
  const hook = await registry.cli<HookDocument>('hook', 'show', 'acme', repository.url)
  const before = (await registry.cli<{ kind: string }[]>('job', 'list', '--kind', 'source.sync')).length
  const send = (secret: string, delivery: string) =>
    fetch(hook.urls['github'] ?? '', {
      method: 'POST',
      headers: {
        'X-GitHub-Event': 'push',
        'X-GitHub-Delivery': delivery,
        'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update('{}').digest('hex')}`,
      },
      body: '{}',
    }).then(({ status }) => status)

  const burst = await Promise.all(Array.from({ length: 200 }, (_, number) => send(hook.secret, `burst-${number % 100}`)))
  const strangers = await Promise.all(Array.from({ length: 40 }, () => send('wrong', 'stranger')))
  await registry.settle()

  const after = (await registry.cli<{ kind: string }[]>('job', 'list', '--kind', 'source.sync')).length
  expect(new Set(burst)).toEqual(new Set([200]))
  expect(new Set(strangers)).toEqual(new Set([403, 429]))
  // One for what waits, and one more for each that ended while the burst went on.
  expect(after - before).toBeLessThan(15)
  expect(registry.problems).toEqual([])
}, 60_000)
