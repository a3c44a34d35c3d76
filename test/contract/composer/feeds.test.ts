import { describe, expect, test } from 'bun:test'
import { escapeXml } from '../../../src/surfaces/repository/feed-xml.ts'
import { buildPackage, buildToken, type BuildPackage } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

async function setUp(packages: readonly string[] | null = null) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization, { packages })
  return {
    ...server,
    app,
    token,
    publish: (name: string, rest: Partial<BuildPackage> = {}) => buildPackage(app, { organization, name, ...rest }),
    ask: (feed: string, headers: Record<string, string> = {}) => server.send(`/acme/feeds/${feed}`, { token, headers }),
    read: async (feed: string) => (await server.send(`/acme/feeds/${feed}`, { token })).text(),
  }
}

/** The texts of all elements of a name, unescaped. */
function textsOf(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(([, text = '']) =>
    text.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
  )
}

const entriesOf = (xml: string) => textsOf(xml, 'title').slice(1)

/** Throws for what is not well-formed: every `<` begins a tag that is closed in its turn, and every `&` an entity. */
function requireWellFormed(xml: string): void {
  const open: string[] = []
  const body = xml.replace(/^<\?xml[^>]*\?>\s*/, '')
  for (const [, closing, name = '', , empty] of body.matchAll(
    /<(\/?)([a-z:A-Z]+)((?:\s+[a-z:A-Z]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)\s*(\/?)>/g,
  )) {
    if (closing === '/') {
      expect(open.pop()).toBe(name)
    } else if (empty !== '/') {
      open.push(name)
    }
  }
  expect(open).toEqual([])
  expect(body.replaceAll(/<\/?[a-z:A-Z]+(?:\s+[a-z:A-Z]+="[^"]*")*\s*\/?>/g, '')).not.toMatch(/[<>]|&(?!#\d+;)/)
}

describe('CO-144 feeds', () => {
  test.each(['atom', 'rss'])('CO-144 releases.%s has the newest release first, and no branches', async (format) => {
    const { app, publish, ask } = await setUp()
    await publish('acme/http', { versions: [{ version: '1.0.0', time: '2026-01-02T03:04:05+00:00' }, 'dev-main'] })
    app.clock.advance(60_000)
    await publish('acme/api', { versions: ['2.0.0'] })

    const response = await ask(`releases.${format}`)
    const xml = await response.text()

    requireWellFormed(xml)
    expect(response.headers.get('content-type')).toBe(`application/${format}+xml; charset=utf-8`)
    expect(entriesOf(xml)).toEqual(['acme/api (2.0.0)', 'acme/http (1.0.0)'])
    expect(xml).toContain(format === 'atom' ? '<id>acme/http 1.0.0</id>' : '<guid isPermaLink="false">acme/http 1.0.0</guid>')
    expect(xml).toContain(format === 'atom' ? '2026-01-02T03:04:05.000Z' : 'Fri, 02 Jan 2026 03:04:05 GMT')
    expect(xml).toContain(`${BASE}/acme/packages/acme/http.json`)
  })

  test.each([
    ['packages', ['acme/ext', 'other/tool', 'acme/http']],
    ['releases', ['acme/ext (1.0.0)', 'other/tool (1.0.0)', 'acme/http (1.0.0)']],
    ['vendor.acme', ['acme/ext (1.0.0)', 'acme/http (1.0.0)']],
    ['vendor.none', []],
    ['package.acme/http', ['acme/http (1.0.0)']],
    ['extensions', ['acme/ext']],
    ['extension-releases', ['acme/ext (1.0.0)']],
  ])('CO-144 %s.atom and .rss list %p', async (feed, entries) => {
    const { app, publish, read } = await setUp()
    for (const [name, type] of [
      ['acme/http', 'library'],
      ['other/tool', 'library'],
      ['acme/ext', 'php-ext'],
    ] as const) {
      await publish(name, { type })
      app.clock.advance(1_000)
    }

    for (const format of ['atom', 'rss']) {
      const xml = await read(`${feed}.${format}`)
      requireWellFormed(xml)
      expect(entriesOf(xml)).toEqual(entries)
    }
  })

  test('CO-144 forty entries are enough', async () => {
    const { publish, read } = await setUp()
    await publish('acme/http', { versions: Array.from({ length: 45 }, (_, index) => `1.${index}.0`) })

    expect(entriesOf(await read('releases.atom'))).toHaveLength(40)
  })

  test('CO-144 abuse 45 abuse 65 texts of manifests stay texts, and nothing in them turns the line', async () => {
    const { publish, read } = await setUp()
    const description = '</summary><script>alert("1")</script>&amp;]]>\u0000\u001b\u202egnp.exe\ud800\uffff\u2066x\u2069'
    await publish('acme/http', {
      versions: [{ version: '1.0.0', manifest: { description, authors: [{ name: '<b>A & "B"</b>\u202e' }] } }],
    })

    for (const format of ['atom', 'rss']) {
      const xml = await read(`releases.${format}`)
      requireWellFormed(xml)
      expect(textsOf(xml, format === 'atom' ? 'summary' : 'description').at(-1)).toBe(
        '</summary><script>alert("1")</script>&amp;]]>gnp.exe\ufffdx',
      )
      expect(xml).not.toMatch(/[\u0000-\u0008\u202a-\u202e\u2066-\u2069\uffff]/)
    }
    expect(textsOf(await read('releases.atom'), 'name')).toEqual(['<b>A & "B"</b>'])
  })

  test('CO-144 a reader that has the present feed gets 304', async () => {
    const { publish, ask } = await setUp()
    await publish('acme/http')
    const etag = (await ask('releases.atom')).headers.get('etag') ?? ''

    const same = await ask('releases.atom', { 'If-None-Match': `"other", W/${etag}` })
    await publish('acme/http', { versions: ['1.0.0', '1.1.0'] })

    expect([same.status, await same.text()]).toEqual([304, ''])
    expect((await ask('releases.atom', { 'If-None-Match': etag })).status).toBe(200)
  })

  test('CO-144 CO-062 a token sees the releases of its packages, and nobody any', async () => {
    const { publish, read, ask, send } = await setUp(['acme/*'])
    await publish('acme/http')
    await publish('other/secret')

    expect(entriesOf(await read('releases.atom'))).toEqual(['acme/http (1.0.0)'])
    expect(entriesOf(await read('packages.rss'))).toEqual(['acme/http'])
    expect((await ask('package.other/secret.atom')).status).toBe(404)
    expect((await send('/acme/feeds/releases.atom')).status).toBe(401)
  })

  test.each(['everything.atom', 'vendor.a/b.atom', 'package.acme.rss', 'releases.xml'])('CO-144 %s is no feed', async (feed) => {
    const { ask } = await setUp()

    expect((await ask(feed)).status).toBe(404)
  })

  test('CO-144 a long text is cut', () => {
    expect(escapeXml('x'.repeat(5_000))).toHaveLength(2_000)
  })
})
