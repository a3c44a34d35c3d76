import { afterEach, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryUpstream } from '../kit/upstream-server.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'
import { packageArchive } from '../kit/archives.ts'

interface AdvisoryDocument {
  advisoryId: string
  title: string
  isOwn: boolean
}

interface FindingDocument {
  uid: string
  state: string
  packageName: string
  changedBy: string | null
}

const ADVISORY = { advisoryId: 'PKSA-1', packageName: 'acme/http', affectedVersions: '<2.0', title: 'Public problem' }

let cli: CliFixture
beforeEach(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

async function upload(): Promise<void> {
  const archive = join(cli.directory, 'http.zip')
  writeFileSync(archive, packageArchive({ name: 'acme/http', version: '1.0.0' }))
  await cli.succeed(['artifact', 'upload', 'acme', archive])
}

async function add(...line: string[]): Promise<AdvisoryDocument> {
  const result = await cli.succeed(['advisory', 'add', 'acme', 'acme/http', ...line, '--json'])
  return result.json<AdvisoryDocument>()
}

test('an own advisory is added, listed, changed and withdrawn', async () => {
  const { advisoryId } = await add('--affected', '<2.0', '--title', 'A problem', '--severity', 'high')
  const broad = await cli.run(['advisory', 'add', 'acme', 'acme/http', '--affected', '*', '--title', 'All'])
  const bare = await cli.run(['advisory', 'add', 'acme', 'acme/http'])
  const changed = await cli.succeed(['advisory', 'change', 'acme', advisoryId, '--title', 'Worse', '--reported', '2026-01-31'])
  const list = await cli.succeed(['advisory', 'list', 'acme'])
  const about = await cli.succeed(['advisory', 'list', 'acme', '--package', 'acme/http', '--json'])
  await cli.succeed(['advisory', 'withdraw', 'acme', advisoryId])
  const gone = await cli.run(['advisory', 'show', 'acme', advisoryId])

  expect([broad.code, bare.code, gone.code]).toEqual([4, 2, 3])
  expect(changed.stdout).toMatch(/Title: +Worse\n.*Reported: +2026-01-31 00:00 UTC/s)
  expect(list.stdout).toContain(advisoryId)
  expect(about.json<AdvisoryDocument[]>()).toMatchObject([{ advisoryId, title: 'Worse', isOwn: true }])
})

test('a file is imported, what it concerns is found, and somebody decides about it', async () => {
  await upload()
  const file = join(cli.directory, 'advisories.json')
  writeFileSync(file, JSON.stringify({ advisories: { 'acme/http': [ADVISORY, {}] } }))

  const imported = await cli.succeed(['advisory', 'import', file, '--complete'])
  const piped = await cli.run(['advisory', 'import', '-'], { input: '<html>' })
  await cli.succeed(['finding', 'scan', 'acme'])
  const list = ['finding', 'list', 'acme', '--state', 'open', '--private', '--json']
  const [finding] = (await cli.succeed(list)).json<FindingDocument[]>()
  const refused = await cli.run(['finding', 'set', 'acme', finding!.uid, '--state', 'wont_fix'])
  const decided = await cli.succeed(['finding', 'set', 'acme', finding!.uid, '--state', 'wont_fix', '--reason', 'Not used.'])
  const feeds = await cli.succeed(['advisory', 'feeds'])

  expect(imported.stdout).toContain('1 advisories added, 0 changed, 0 withdrawn.')
  expect(imported.stdout).toContain('Left out acme/http')
  expect([piped.code, refused.code]).toEqual([4, 4])
  expect(finding).toMatchObject({ packageName: 'acme/http', state: 'open' })
  expect(decided.stdout).toMatch(/State: +wont_fix since .* UTC\nReason: +Not used\./)
  expect(feeds.stdout).toContain('The advisories are up to date.')
  expect((await cli.succeed(list)).json<FindingDocument[]>()).toEqual([])
})

test('the feed is asked on demand, and what is wrong with it is shown', async () => {
  const path = '/api/security-advisories/'
  const upstream = await temporaryUpstream({
    filters: { malware: { 'acme/worm': '*' } },
    advisories: { 'acme/http': [{ ...ADVISORY, reportedAt: '2026-01-01 00:00:00', sources: [] }] },
  })
  const env = {
    REPERTOIRE_ADVISORY_FEED: `${upstream.origin}${path}`,
    REPERTOIRE_MALWARE_FEED: `${upstream.origin}/filter/summary.json`,
    REPERTOIRE_ALLOW_HTTP_SOURCES: 'true',
    REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8',
  }

  const before = await cli.succeed(['advisory', 'feeds', '--json'], { env })
  const fresh = await cli.succeed(['advisory', 'refresh'], { env })
  upstream.misbehave(path, { kind: 'html' })
  const failed = await cli.succeed(['advisory', 'refresh', '--json'], { env })

  const queued = await cli.succeed(['advisory', 'refresh', '--no-wait', '--json'], { env })

  expect(before.json()).toEqual({ health: 'never', feeds: [] })
  expect(upstream.count('/filter/summary.json')).toBe(2)
  expect(queued.json<{ jobs: string[] }>().jobs).toHaveLength(2)
  expect(fresh.stdout).toContain('The advisories are up to date.')
  expect(failed.json()).toMatchObject({
    health: 'fresh',
    feeds: [{ advisories: 1, problem: expect.stringContaining('not JSON') }],
  })
})
