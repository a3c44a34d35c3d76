import { describe, expect, test } from 'bun:test'
import { createCtx } from '../../../app.ts'
import { buildZip, packageArchive } from '../../../../test/kit/archives.ts'
import { SYSTEM } from '../../../../test/kit/app.ts'
import { memoryReport } from '../../../../test/kit/git-source.ts'
import { createMirrored, type Mirrored } from '../../../../test/kit/mirrored.ts'
import { digest } from '../../../../test/kit/uploads.ts'
import { temporaryUpstream } from '../../../../test/kit/upstream-server.ts'
import { createUpstreams } from '../../../platform/http/upstreams.ts'
import { blockPackage } from '../../advisories/index.ts'
import { getOrganizationByPath } from '../../organizations/index.ts'
import { scrubBlobs } from '../../sources/index.ts'
import { listMirrorRuns } from '../manage-mirrors.ts'
import { obtainMirroredArchive } from './obtain-mirrored-archive.ts'
import { prefetchArchives } from './prefetch-archives.ts'

const NAME = 'vendor/tool'
const PACKAGES = { [NAME]: ['1.0.0', '1.1.0', 'dev-main'] }

async function withTool(
  options: Parameters<typeof createMirrored>[0] = {},
): Promise<Mirrored & { reference: string; path: string }> {
  const mirrored = await createMirrored({ packages: PACKAGES, ...options })
  await mirrored.record(NAME, ['1.0.0'])
  const { upstream } = mirrored
  return { ...mirrored, reference: upstream.referenceOf(NAME, '1.0.0'), path: upstream.archivePath(NAME, '1.0.0') }
}

async function incidentsOf({ app }: Mirrored): Promise<{ kind: string; subject: string }[]> {
  return app.ports.database.read.selectFrom('mirror_incidents').select(['kind', 'subject']).execute()
}

function md5(text: string): string {
  return new Bun.CryptoHasher('md5').update(text).digest('hex')
}

async function countBlobs({ app }: Mirrored): Promise<number> {
  return (await Array.fromAsync(app.blobs.list())).length
}

describe('an archive of a mirrored package', () => {
  test('is fetched when somebody first asks for it, and never again', async () => {
    const tool = await withTool()
    const bytes = tool.upstream.archive(NAME, '1.0.0')
    const before = await tool.package(NAME)

    expect(await tool.download(NAME, tool.reference)).toEqual(bytes)
    expect(await tool.download(NAME, tool.reference.slice(0, 12))).toEqual(bytes)

    expect(tool.upstream.count(tool.path)).toBe(1)
    expect(tool.app.events).toContainEqual(expect.objectContaining({ type: 'dist.built', reference: tool.reference }))
    // The upstream had said the checksum, so no client has to load the metadata anew.
    expect((await tool.package(NAME)).revision).toBe(before.revision)
  })

  test('moves the metadata when its checksum was not known before', async () => {
    const tool = await createMirrored({ packages: PACKAGES })
    const { upstream } = tool
    const url = `${upstream.origin}${upstream.archivePath(NAME, '1.0.0')}`
    const reference = upstream.referenceOf(NAME, '1.0.0')
    const before = await tool.record(NAME, ['1.0.0'], { dist: { type: 'zip', url, reference, shasum: null } })
    expect(await tool.dist(NAME, '1.0.0')).not.toHaveProperty('shasum')

    await tool.download(NAME, reference)

    expect(await tool.dist(NAME, '1.0.0')).toMatchObject({ shasum: digest('sha1', upstream.archive(NAME, '1.0.0')) })
    expect((await tool.package(NAME)).revision).toBe(before.revision + 1)
  })

  test('abuse 32: is asked for once however many clients want it', async () => {
    const tool = await withTool({ latency: 20 })

    const answers = await Promise.all(Array.from({ length: 200 }, () => tool.download(NAME, tool.reference)))

    expect(new Set(answers.map((bytes) => bytes.length)).size).toBe(1)
    expect(tool.upstream.count(tool.path)).toBe(1)
  })

  test('abuse 32: is asked for once also by two processes', async () => {
    const tool = await withTool({ latency: 50 })
    const { ports } = tool.app
    const target = await tool.package(NAME)
    const processes = [1, 2].map(() => ({ ...ports, upstreams: createUpstreams(ports) }))
    const ctxs = processes.map((process) =>
      createCtx(process, SYSTEM, { surface: 'test', address: null, agent: null, requestId: null }),
    )

    await Promise.all(ctxs.map((ctx) => obtainMirroredArchive(ctx, { target, reference: tool.reference })))

    expect(tool.upstream.count(tool.path)).toBe(1)
  })

  test('abuse 26: is neither kept nor handed out when it has another checksum than announced', async () => {
    const tool = await withTool()
    tool.upstream.misbehave(tool.path, { kind: 'body', body: packageArchive({ version: '6.6.6' }) })

    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'upstream_failed' })
    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'upstream_failed' })

    expect(tool.upstream.count(tool.path)).toBe(1)
    expect(await countBlobs(tool)).toBe(0)
    expect(tool.app.blobs.countStaged()).toBe(0)
    expect(await incidentsOf(tool)).toEqual([{ kind: 'bytes', subject: `${NAME} ${tool.reference}` }])
    expect(tool.app.events).toContainEqual(expect.objectContaining({ type: 'dist.differed', reference: tool.reference }))
    tool.upstream.behave()
    tool.app.clock.advance('2 minutes')
    expect(await tool.download(NAME, tool.reference)).toEqual(tool.upstream.archive(NAME, '1.0.0'))
  })

  test('abuse 27: stays what it was first, also when it gets lost and the upstream has other bytes now', async () => {
    const tool = await withTool()
    const first = await tool.download(NAME, tool.reference)
    tool.upstream.changeBytes(NAME, '1.0.0')
    expect(await tool.download(NAME, tool.reference)).toEqual(first)
    await tool.app.blobs.remove(digest('sha256', first))

    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'upstream_failed' })

    expect(await countBlobs(tool)).toBe(0)
    expect(await tool.dist(NAME, '1.0.0')).toMatchObject({ shasum: digest('sha1', first) })
    expect(await incidentsOf(tool)).toMatchObject([{ kind: 'bytes' }])
  })

  test('abuse 55: is fetched again when its bytes are damaged, and must be the same', async () => {
    const tool = await withTool()
    const first = await tool.download(NAME, tool.reference)
    tool.app.blobs.damage(digest('sha256', first))

    await scrubBlobs(tool.app.ctx(), memoryReport())
    await tool.app.runJobs()

    expect(await tool.app.blobs.verify(digest('sha256', first))).toBe('intact')
    expect(tool.upstream.count(tool.path)).toBe(2)
    expect(tool.app.warnings.splice(0).join()).toContain('it is built or fetched again')
  })

  test.each([
    ['HTML', { kind: 'html' }],
    ['a cut archive', { kind: 'truncated' }],
    ['a connection that ends early', { kind: 'close' }],
    ['a refusal', { kind: 'status', status: 403 }],
    ['a failure', { kind: 'status', status: 500 }],
  ] as const)('abuse 25: %s instead of it leaves nothing behind', async (_, fault) => {
    const tool = await createMirrored({ packages: PACKAGES })
    const { upstream } = tool
    const [url, reference] = [`${upstream.origin}${upstream.archivePath(NAME, '1.0.0')}`, upstream.referenceOf(NAME, '1.0.0')]
    await tool.record(NAME, ['1.0.0'], { dist: { type: 'zip', url, reference, shasum: null } })
    upstream.misbehave(upstream.archivePath(NAME, '1.0.0'), fault)

    await expect(tool.download(NAME, reference)).rejects.toMatchObject({ kind: 'upstream' })

    expect(await countBlobs(tool)).toBe(0)
    expect(tool.app.blobs.countStaged()).toBe(0)
    upstream.behave()
    tool.app.clock.advance('2 minutes')
    expect(await tool.download(NAME, reference)).toEqual(upstream.archive(NAME, '1.0.0'))
  })

  test('that the upstream does not have is remembered as such for minutes, and noted', async () => {
    const tool = await withTool()
    tool.upstream.misbehave(tool.path, { kind: 'status', status: 404 })

    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'dist_not_found' })
    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'dist_not_found' })

    expect(tool.upstream.count(tool.path)).toBe(1)
    expect(await incidentsOf(tool)).toMatchObject([{ kind: 'archive-missing' }])
    tool.upstream.behave()
    tool.app.clock.advance('6 minutes')
    expect(await tool.download(NAME, tool.reference)).toHaveLength(tool.upstream.archive(NAME, '1.0.0').length)
  })

  test('abuse 31: gets the credential of its mirror from that origin alone', async () => {
    const credential = { kind: 'bearer', token: 'canary-token' } as const
    const tool = await withTool({ mirror: { credential }, protection: { authorization: 'Bearer canary-token' } })
    await tool.download(NAME, tool.reference)
    const elsewhere = await temporaryUpstream({ packages: PACKAGES })
    const url = `${elsewhere.origin}${elsewhere.archivePath(NAME, '1.1.0')}`
    const reference = elsewhere.referenceOf(NAME, '1.1.0')
    await tool.record(NAME, ['1.1.0'], { dist: { type: 'zip', url, reference, shasum: null } })

    await tool.download(NAME, reference)

    expect(tool.upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer canary-token')
    expect(JSON.stringify(elsewhere.requests)).not.toContain('canary')
  })

  test.each(['http://169.254.169.254/latest/meta-data', 'file:///etc/passwd', 'http://[::ffff:10.0.0.1]/'])(
    'abuse 30: is not followed to %s',
    async (to) => {
      const tool = await withTool()
      tool.upstream.misbehave(tool.path, { kind: 'redirect', to })

      await expect(tool.download(NAME, tool.reference)).rejects.toBeInstanceOf(Error)

      expect(await countBlobs(tool)).toBe(0)
    },
  )

  test('follows a redirect to another host, as those of hosting providers', async () => {
    const tool = await withTool()
    const elsewhere = await temporaryUpstream({ packages: PACKAGES })
    tool.upstream.misbehave(tool.path, { kind: 'redirect', to: `${elsewhere.origin}${tool.path}` })

    expect(await tool.download(NAME, tool.reference)).toEqual(tool.upstream.archive(NAME, '1.0.0'))
  })

  test('is found by the MD5 of a reference that is not hexadecimal, as templates of mirrors have it', async () => {
    const tool = await createMirrored({ packages: PACKAGES })
    const { upstream } = tool
    const url = `${upstream.origin}${upstream.archivePath(NAME, '1.0.0')}`
    const dist = { type: 'zip', url, reference: 'release-1', shasum: null } as const
    await tool.record(NAME, ['1.0.0'], { reference: 'release-1', dist })

    expect(await tool.download(NAME, md5('release-1'))).toEqual(upstream.archive(NAME, '1.0.0'))
    await expect(tool.download(NAME, md5('release-2'))).rejects.toMatchObject({ code: 'dist_not_found' })
  })

  test('may hold what uploads are refused for, but nothing that leaves its directory', async () => {
    const odd = buildZip([
      { name: 'tool/.git/config', data: '' },
      { name: 'tool/README', data: 'a' },
      { name: 'tool/readme', data: 'b' },
      { name: 'tool/away', data: '../../elsewhere', mode: 0o120777 },
      { name: Buffer.from([0x74, 0xfc]), data: 'latin1' },
    ])
    const escaping = buildZip([{ name: 'tool/../../etc/cron', data: '' }])
    const tool = await createMirrored({ packages: PACKAGES })
    const { upstream } = tool
    for (const version of ['1.0.0', '1.1.0']) {
      const reference = upstream.referenceOf(NAME, version)
      const url = `${upstream.origin}${upstream.archivePath(NAME, version)}`
      upstream.misbehave(upstream.archivePath(NAME, version), { kind: 'body', body: version === '1.0.0' ? odd : escaping })
      await tool.record(NAME, [version], { dist: { type: 'zip', url, reference, shasum: null } })
    }

    expect(await tool.download(NAME, upstream.referenceOf(NAME, '1.0.0'))).toEqual(Buffer.from(odd))
    await expect(tool.download(NAME, upstream.referenceOf(NAME, '1.1.0'))).rejects.toMatchObject({ code: 'upstream_failed' })
    expect(await incidentsOf(tool)).toMatchObject([{ kind: 'archive-unusable' }])
  })

  test('is fetched for nobody who does not belong to the organization, and handed out once it is here', async () => {
    const tool = await withTool()
    const { write } = tool.app.ports.database
    await write.updateTable('organizations').set({ visibility: 'public' }).execute()
    await write.updateTable('sources').set({ visibility: 'public' }).execute()
    const stranger = { kind: 'anonymous' } as const

    await expect(tool.download(NAME, tool.reference, stranger)).rejects.toMatchObject({ code: 'dist_not_found' })
    expect(tool.upstream.count(tool.path)).toBe(0)
    await tool.download(NAME, tool.reference)
    expect(await tool.download(NAME, tool.reference, stranger)).toEqual(tool.upstream.archive(NAME, '1.0.0'))
  })

  test('is not handed out when its version is blocked, however it is asked for', async () => {
    const tool = await withTool()
    await tool.download(NAME, tool.reference)
    const organization = await getOrganizationByPath(tool.app.ctx(), 'acme')
    await blockPackage(tool.app.ctx(), { organization, list: 'blocked', name: NAME, versions: '1.0.0', reason: null, url: null })

    for (const asked of [tool.reference, tool.reference.slice(0, 10)]) {
      await expect(tool.download(NAME, asked)).rejects.toMatchObject({ code: 'package_blocked' })
    }
  })

  test('abuse 54: is not half there when storage refuses it, and comes when there is room again', async () => {
    const tool = await withTool()
    tool.app.blobs.refuseWrites('no space left')

    await expect(tool.download(NAME, tool.reference)).rejects.toMatchObject({ code: 'storage_unavailable' })

    tool.app.blobs.refuseWrites(null)
    expect(await countBlobs(tool)).toBe(0)
    expect(await incidentsOf(tool)).toEqual([])
    expect(await tool.download(NAME, tool.reference)).toEqual(tool.upstream.archive(NAME, '1.0.0'))
  })
})

test('PR-703: a job fetches all archives of a mirror and reports those that it cannot', async () => {
  const tool = await createMirrored({ packages: PACKAGES })
  await tool.record(NAME, ['1.0.0', '1.1.0'])
  tool.upstream.misbehave(tool.upstream.archivePath(NAME, '1.1.0'), { kind: 'status', status: 404 })
  const report = memoryReport()

  const result = await prefetchArchives(tool.app.ctx(), tool.mirror.id, report)

  expect(result).toMatchObject({ fetched: 1, failed: [{ name: NAME, reference: tool.upstream.referenceOf(NAME, '1.1.0') }] })
  expect(report.lines).toContainEqual(expect.stringContaining('1 archives fetched, 1 failed.'))
  const runs = await listMirrorRuns(tool.app.ctx(), tool.mirror, { limit: 10, after: null })
  expect(runs.items[0]).toMatchObject({ state: 'success', updated: 1, failed: 1, error: expect.stringContaining(NAME) })
})
