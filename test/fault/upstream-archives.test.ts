/** Archives of mirrored packages whose upstream sends something else, or nothing. */
import { describe, expect, test } from 'bun:test'
import { buildZip } from '../kit/archives.ts'
import { createMirrorKit, type MirrorKit } from '../kit/mirror-kit.ts'
import { temporaryUpstream, type UpstreamFault } from '../kit/upstream-server.ts'

const NAME = 'vendor/http'
const OTHER = buildZip([{ name: 'x/composer.json', data: '{"name":"vendor/http"}' }])
const MINUTE = 60_000

async function mirrorOf(manifest: Readonly<Record<string, unknown>> = {}): Promise<MirrorKit> {
  return createMirrorKit({ packages: { [NAME]: [{ version: '1.0.0', manifest }] } })
}

async function bytesOf(response: Response): Promise<string> {
  return Buffer.from(await response.arrayBuffer()).toString('base64')
}

async function countArchives({ app }: MirrorKit): Promise<number> {
  return (await Array.fromAsync(app.blobs.list())).length
}

describe('an archive that is not what the metadata says', () => {
  const faults: readonly [string, UpstreamFault][] = [
    [
      'abuse 26 other bytes than the checksum says',
      { kind: 'body', body: OTHER, headers: { 'content-type': 'application/zip' } },
    ],
    ['abuse 26 a page of HTML', { kind: 'html' }],
    ['abuse 25 fewer bytes than announced', { kind: 'short' }],
    ['abuse 25 an end in the middle', { kind: 'close' }],
    ['abuse 29 500', { kind: 'status', status: 500 }],
    ['abuse 29 404', { kind: 'status', status: 404 }],
    ['abuse 30 a redirect to a private address', { kind: 'redirect', to: 'http://169.254.169.254/x.zip' }],
  ]

  test.each(faults)('%s: never kept, never handed out, and right once the upstream is right', async (_, fault) => {
    const kit = await mirrorOf()
    await kit.versions(NAME)
    await kit.app.test.database.write.updateTable('mirrors').set({ timeout_ms: 400 }).execute()
    kit.upstream.misbehave(/\/dist\//, fault)

    const refused = await kit.archive(NAME, '1.0.0')
    expect([404, 502, 503]).toContain(refused.status)
    expect(await countArchives(kit)).toBe(0)
    expect(await bytesOf(refused)).not.toBe(Buffer.from(OTHER).toString('base64'))

    kit.upstream.behave()
    kit.app.clock.advance(20 * MINUTE)
    const served = await kit.archive(NAME, '1.0.0')
    expect(served.status).toBe(200)
    expect(await bytesOf(served)).toBe(kit.upstream.archive(NAME, '1.0.0').toString('base64'))
    kit.app.warnings.length = 0
  })

  test('abuse 26 the wrong checksum is an incident of the mirror', async () => {
    const kit = await mirrorOf()
    await kit.versions(NAME)
    kit.upstream.misbehave(/\/dist\//, { kind: 'body', body: OTHER, headers: { 'content-type': 'application/zip' } })

    await kit.archive(NAME, '1.0.0')

    expect((await kit.incidents()).some((incident) => incident.startsWith(`bytes ${NAME}`))).toBe(true)
    kit.app.warnings.length = 0
  })

  test('abuse 27 bytes that change under the same version are reported; the first ones stay', async () => {
    const kit = await mirrorOf()
    const first = await bytesOf(await kit.archive(NAME, '1.0.0'))
    const [before] = (await kit.versions(NAME)) ?? []

    kit.upstream.changeBytes(NAME, '1.0.0')
    await kit.refresh()

    expect(await bytesOf(await kit.archive(NAME, '1.0.0'))).toBe(first)
    expect((await kit.versions(NAME))?.[0]?.['dist']).toEqual(before?.['dist'])
    expect((await kit.incidents()).some((incident) => incident.startsWith(`checksum ${NAME}`))).toBe(true)
    expect(kit.upstream.archive(NAME, '1.0.0').toString('base64')).not.toBe(first)
  })

  test('abuse 28 a package that is gone upstream stays, marked as abandoned, with its archives', async () => {
    const kit = await mirrorOf()
    const first = await bytesOf(await kit.archive(NAME, '1.0.0'))

    kit.upstream.removePackage(NAME)
    await kit.refresh()

    expect(await kit.versions(NAME)).toMatchObject([{ version: '1.0.0', abandoned: true }])
    expect(await bytesOf(await kit.archive(NAME, '1.0.0'))).toBe(first)
    expect(await kit.incidents()).toContain(`gone ${NAME}`)
  })

  test('abuse 31 the credential of the mirror is not shown to the host of its archives', async () => {
    const host = await temporaryUpstream({ packages: { [NAME]: ['1.0.0'] }, hostname: '127.0.0.2' })
    const url = `${host.origin}${host.archivePath(NAME, '1.0.0')}`
    const kit = await createMirrorKit(
      { packages: { [NAME]: [{ version: '1.0.0', manifest: { dist: { type: 'zip', url, reference: 'abc' } } }] } },
      { credential: { kind: 'bearer', token: 'canary-token' } },
    )

    expect((await kit.archive(NAME, '1.0.0')).status).toBe(200)

    expect(kit.upstream.requests.at(-1)?.headers['authorization']).toBe('Bearer canary-token')
    expect(JSON.stringify(host.requests)).not.toContain('canary-token')
  })

  test('abuse 35 addresses that nobody should follow are not shown, and their hosts not asked', async () => {
    const dist = (url: string) => ({ dist: { type: 'zip', url, reference: 'abc' } })
    const urls = [
      'javascript:alert(1)',
      'ftp://files.example.org/x.zip',
      'https://user:secret@files.example.org/x.zip',
      'http://10.0.0.1/x.zip',
    ]
    const kit = await createMirrorKit({
      packages: { [NAME]: urls.map((url, index) => ({ version: `1.${index}.0`, manifest: dist(url) })) },
    })

    const text = await (await kit.get(`p2/${NAME}.json`)).text()

    for (const word of ['javascript', 'ftp://', 'secret', '10.0.0.1']) expect(text).not.toContain(word)
    const inside = await kit.archive(NAME, '1.3.0').catch(() => null)
    expect(inside === null || [404, 502, 503].includes(inside.status)).toBe(true)
    kit.app.warnings.length = 0
  })
})

describe('many clients', () => {
  test('abuse 32 ask for one cold archive, and the upstream is asked once', async () => {
    const kit = await mirrorOf()
    await kit.versions(NAME)
    kit.upstream.latency = 30

    const answers = await Promise.all(Array.from({ length: 200 }, () => kit.archive(NAME, '1.0.0')))

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(kit.upstream.count(/\/dist\//)).toBe(1)
  })
})
