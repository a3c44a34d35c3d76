/** What a mirrored repository answers while its upstream misbehaves: what is known stays, what is not known is never called absent. */
import { describe, expect, test } from 'bun:test'
import { createMirrorKit, type MirrorKit } from '../kit/mirror-kit.ts'
import { temporaryUpstream, type UpstreamFault } from '../kit/upstream-server.ts'

const PACKAGES = { 'vendor/http': ['1.0.0', '1.1.0'], 'vendor/new': ['1.0.0'] }
const METADATA = /\/p2\/vendor\//
const MINUTE = 60_000

/** A mirror that knows `vendor/http`, whose upstream now answers badly about its packages. */
async function failing(fault: UpstreamFault): Promise<MirrorKit> {
  const kit = await createMirrorKit({ packages: PACKAGES })
  expect((await kit.get('p2/vendor/http.json')).status).toBe(200)
  kit.upstream.setVersions('vendor/http', ['1.0.0', '1.1.0', '1.2.0'])
  kit.upstream.misbehave(METADATA, fault)
  await giveUpSoon(kit)
  return kit
}

/** People cannot choose less than five seconds. */
async function giveUpSoon({ app }: MirrorKit): Promise<void> {
  await app.test.database.write.updateTable('mirrors').set({ timeout_ms: 400 }).execute()
}

/** An answer that may need a job, which nobody else runs here. */
async function ask(kit: MirrorKit, path: string): Promise<Response> {
  let isAnswered = false
  const answer = kit.get(path).finally(() => {
    isAnswered = true
  })
  while (!isAnswered) {
    await Bun.sleep(5)
    await kit.app.runJobs()
  }
  return answer
}

async function namesOf(kit: MirrorKit): Promise<string[]> {
  const rows = await kit.app.test.database.read.selectFrom('packages').select('name').orderBy('name').execute()
  return rows.map(({ name }) => name)
}

const BAD_ANSWERS: readonly [string, UpstreamFault][] = [
  ['abuse 25 HTML', { kind: 'html' }],
  ['abuse 25 truncated JSON', { kind: 'truncated' }],
  ['abuse 25 a body of 200 MB', { kind: 'huge', bytes: 200_000_000 }],
  ['abuse 25 a gzip bomb', { kind: 'bomb', bytes: 200_000_000 }],
  ['abuse 25 a length that is not true', { kind: 'short' }],
  ['abuse 25 an end in the middle', { kind: 'close' }],
  ['abuse 29 403', { kind: 'status', status: 403 }],
  ['abuse 29 429', { kind: 'status', status: 429, retryAfter: '30' }],
  ['abuse 29 500', { kind: 'status', status: 500 }],
  ['abuse 29 503', { kind: 'status', status: 503, body: '{"packages":{}}' }],
  ['abuse 29 silence', { kind: 'hang' }],
  ['abuse 29 a byte a second', { kind: 'trickle' }],
  ['abuse 30 a redirect to the metadata of a cloud', { kind: 'redirect', to: 'http://169.254.169.254/latest/meta-data/' }],
  ['abuse 30 a redirect to a private address in another spelling', { kind: 'redirect', to: 'http://[::ffff:10.0.0.1]/' }],
  ['abuse 30 a redirect to a file', { kind: 'redirect', to: 'file:///etc/passwd' }],
  ['abuse 31 a demand for credentials', { kind: 'unauthorized', realm: 'https://other.example.org/token' }],
]

describe('an upstream that answers badly', () => {
  test.each(BAD_ANSWERS)(
    '%s: the last good version stays, and what is new is an error that can be tried again',
    async (_, fault) => {
      const kit = await failing(fault)
      // What is too large to be read where the client waits is tried by a job, which fails as well.
      if (fault.kind === 'huge') kit.app.expectFailedJobs(1)

      await kit.refresh()
      const known = await kit.versions('vendor/http')
      const unknown = await ask(kit, 'p2/vendor/new.json')

      expect(known?.map(({ version }) => version)).toEqual(['1.1.0', '1.0.0'])
      expect([502, 503]).toContain(unknown.status)
      expect(unknown.headers.get('cache-control') ?? '').not.toContain('max-age=3')
      expect(await namesOf(kit)).toEqual(['vendor/http'])
      const { failing: count, mirror } = await kit.mirror()
      expect(count > 0 || mirror.failingSince !== null).toBe(true)

      kit.upstream.behave()
      kit.app.clock.advance(20 * MINUTE)
      expect(await kit.refresh()).toBeNull()
      expect((await kit.versions('vendor/http'))?.map(({ version }) => version)).toEqual(['1.2.0', '1.1.0', '1.0.0'])
      expect((await kit.get('p2/vendor/new.json')).status).toBe(200)
      kit.app.warnings.length = 0
    },
  )

  test('abuse 25 another package in the file is not taken for the one that was asked for', async () => {
    const kit = await failing({ kind: 'other-name', name: 'vendor/evil' })

    await kit.refresh()

    expect((await kit.versions('vendor/http'))?.map(({ version }) => version)).toEqual(['1.1.0', '1.0.0'])
    expect((await kit.get('p2/vendor/new.json')).status).not.toBe(200)
    expect(await namesOf(kit)).toEqual(['vendor/http'])
    kit.app.warnings.length = 0
  })

  test('abuse 29 an upstream that refuses connections, and comes back', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    await kit.get('p2/vendor/http.json')
    expect((await kit.get('p2/vendor/absent.json')).status).toBe(404)

    await kit.upstream.fall()
    expect(await kit.refresh()).not.toBeNull()

    expect((await kit.get('p2/vendor/http.json')).status).toBe(200)
    expect([502, 503]).toContain((await kit.get('p2/vendor/new.json')).status)
    // What was absent when the upstream last answered well is absent until it says otherwise.
    expect((await kit.get('p2/vendor/absent.json')).status).toBe(404)
    expect((await kit.mirror()).mirror.failingSince).not.toBeNull()

    await kit.upstream.rise()
    kit.app.clock.advance(20 * MINUTE)
    expect((await kit.get('p2/vendor/new.json')).status).toBe(200)
    expect(await kit.refresh()).toBeNull()
    expect((await kit.mirror()).mirror).toMatchObject({ failingSince: null, state: 'ready' })
    kit.app.warnings.length = 0
  })

  test('abuse 29 an upstream that fails again and again is left alone for a while', async () => {
    const kit = await failing({ kind: 'status', status: 500 })

    for (let index = 0; index < 40; index += 1) await kit.get(`p2/vendor/name-${index}.json`)

    expect(kit.upstream.count(/name-/)).toBeLessThan(40)
    kit.app.warnings.length = 0
  })

  test('abuse 31 a credential is shown to the upstream alone, also when it redirects or names a realm elsewhere', async () => {
    const other = await temporaryUpstream({ packages: PACKAGES, hostname: '127.0.0.2' })
    for (const credential of [
      { kind: 'bearer', token: 'canary-token' },
      { kind: 'basic', username: 'user', password: 'canary-token' },
      { kind: 'headers', headers: { 'X-Api-Key': 'canary-token' } },
    ] as const) {
      const kit = await createMirrorKit({ packages: PACKAGES }, { credential })
      kit.upstream.misbehave('/p2/vendor/http.json', { kind: 'redirect', to: `${other.url}/p2/vendor/http.json` })
      kit.upstream.misbehave('/p2/vendor/new.json', { kind: 'unauthorized', realm: other.url })

      await kit.get('p2/vendor/http.json')
      await kit.get('p2/vendor/new.json')

      expect(JSON.stringify(kit.upstream.requests.at(-1)?.headers)).toContain(
        credential.kind === 'basic' ? Buffer.from('user:canary-token').toString('base64') : 'canary-token',
      )
      kit.app.warnings.length = 0
    }
    expect(other.count('/p2/vendor/new.json')).toBe(0)
    for (const { headers } of other.requests) {
      expect(headers).not.toHaveProperty('authorization')
      expect(headers).not.toHaveProperty('x-api-key')
    }
  })
})

describe('many clients', () => {
  test('abuse 32 ask for one cold package, and the upstream is asked once', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES, latency: 30 })

    const answers = await Promise.all(Array.from({ length: 500 }, () => kit.get('p2/vendor/new.json')))

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(kit.upstream.count('/p2/vendor/new.json')).toBe(1)
    expect(kit.upstream.count('/p2/vendor/new~dev.json')).toBe(1)
  })
})
