import { describe, expect, test } from 'bun:test'
import { readBytes } from './archives.ts'
import { temporaryUpstream, type UpstreamShape } from './upstream-server.ts'

const PACKAGES = { 'acme/http': ['1.0.0', '1.1.0', 'dev-main'], 'acme/log': ['2.0.0'] }

async function json(url: string): Promise<Record<string, never>> {
  return (await fetch(url)).json() as Promise<Record<string, never>>
}

describe('an upstream of the test kit', () => {
  test.each([
    ['v2', 'metadata-url'],
    ['v2-available', 'metadata-url available-packages'],
    ['v2-patterns', 'metadata-url available-package-patterns'],
    ['v2-unminified', 'metadata-url'],
    ['providers', 'providers-url provider-includes'],
    ['lazy', 'providers-lazy-url'],
    ['inline', ''],
    ['satis', 'includes'],
  ] as [UpstreamShape, string][])('writes the shape %s', async (shape, keys) => {
    const upstream = await temporaryUpstream({ shape, packages: PACKAGES, path: '/repo' })

    const root = await json(`${upstream.url}/packages.json`)

    expect(Object.keys(root).join(' ')).toBe(`packages ${keys}`.trim())
    if (shape.startsWith('v2')) expect((await fetch(`${upstream.url}/p2/acme/http~dev.json`)).status).toBe(200)
    expect((await fetch(`${upstream.url}/p2/acme/none.json`)).status).toBe(404)
  })

  test('answers 304 until a package changes, and tells the change in its feed', async () => {
    const upstream = await temporaryUpstream({ packages: PACKAGES, feed: true })
    const url = `${upstream.url}/p2/acme/http.json`
    const first = await fetch(url)
    const since = (await json(`${upstream.url}/metadata/changes.json`))['timestamp']
    const again = () => fetch(url, { headers: { 'if-modified-since': first.headers.get('last-modified') ?? '' } })

    expect((await again()).status).toBe(304)
    upstream.setVersions('acme/http', ['1.0.0', '1.2.0'])
    expect((await again()).status).toBe(200)
    expect((await json(`${upstream.url}/metadata/changes.json?since=${String(since)}`))['actions']).toMatchObject([
      { type: 'update', package: 'acme/http' },
      { type: 'update', package: 'acme/http~dev' },
    ])
    expect(upstream.count('/p2/acme/http.json')).toBe(3)
  })

  test('serves archives that are what the metadata says, large ones too', async () => {
    const upstream = await temporaryUpstream({
      shape: 'inline',
      packages: { 'acme/big': [{ version: '1.0.0', bytes: 3_000_000 }], 'acme/http': ['1.0.0'] },
    })
    for (const name of ['acme/big', 'acme/http']) {
      const bytes = new Uint8Array(await (await fetch(upstream.origin + upstream.archivePath(name, '1.0.0'))).arrayBuffer())
      const { packages } = (await json(`${upstream.url}/packages.json`)) as unknown as {
        packages: Record<string, Record<string, { dist: { shasum: string } }>>
      }
      expect(new Bun.CryptoHasher('sha1').update(bytes).digest('hex')).toBe(packages[name]?.['1.0.0']?.dist.shasum ?? '')
      expect(await readBytes(bytes)).toMatchObject({ ok: true })
    }
  })

  test('misbehaves as told, and stops doing so', async () => {
    const upstream = await temporaryUpstream({ packages: PACKAGES, protection: { authorization: 'Bearer abc' } })
    const url = `${upstream.url}/p2/acme/http.json`
    const ask = () => fetch(url, { headers: { authorization: 'Bearer abc' }, redirect: 'manual' })
    expect((await fetch(url)).status).toBe(401)

    upstream.misbehave(/^\/p2\//, { kind: 'bomb', bytes: 2_000_000 })
    expect((await (await ask()).text()).length).toBeGreaterThan(2_000_000)
    upstream.misbehave(/^\/p2\//, { kind: 'other-name', name: 'acme/evil' })
    expect(Object.keys(((await (await ask()).json()) as { packages: object }).packages)).toEqual(['acme/evil'])
    upstream.misbehave(/^\/p2\//, { kind: 'close' })
    expect(async () => (await ask()).text()).toThrow()
    upstream.misbehave(/^\/p2\//, { kind: 'redirect', to: 'http://169.254.169.254/' })
    expect((await ask()).headers.get('location')).toBe('http://169.254.169.254/')
    upstream.behave()
    expect((await ask()).status).toBe(200)
    await upstream.fall()
    expect(ask).toThrow()
    await upstream.rise()
    expect((await ask()).status).toBe(200)
  })
})
