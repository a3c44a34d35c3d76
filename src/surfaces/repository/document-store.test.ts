import { expect, test } from 'bun:test'
import { bumpPackage } from '../../core/packages/index.ts'
import { buildPackage, buildToken, packageIdOf } from '../../../test/kit/build.ts'
import { createTestServer } from '../../../test/kit/http.ts'
import type { DocumentOrder, DocumentRenderer } from './document-store.ts'

function describe(order: DocumentOrder): string {
  switch (order.kind) {
    case 'package':
      return `${order.request.package.name} ${order.request.kind} ${order.request.repositoryUrl}`
    case 'root':
      return `root ${order.request.audience.view}`
    default:
      return order.kind
  }
}

/** Counts what is rendered, and takes its time over it. */
function counting(rendered: string[]): (inline: DocumentRenderer) => DocumentRenderer {
  return (inline) => ({
    async render(order) {
      rendered.push(describe(order))
      await Bun.sleep(5)
      return inline.render(order)
    },
  })
}

async function setUp() {
  const rendered: string[] = []
  const server = await createTestServer({ renderer: counting(rendered) })
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const { secret: token } = await buildToken(app, organization)
  return { ...server, app, organization, token, rendered }
}

test('of fifty who ask at once for a document that nobody asked for yet, one renders it', async () => {
  const { app, organization, send, rendered } = await setUp()
  const tokens = await Promise.all(Array.from({ length: 5 }, () => buildToken(app, organization)))
  const codings = ['gzip', 'zstd', '']

  const responses = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      send('/acme/p2/acme/http.json', {
        token: tokens[index % 5]?.secret ?? '',
        headers: { 'Accept-Encoding': codings[index % 3] ?? '' },
      }),
    ),
  )

  expect(new Set(responses.map((response) => response.status))).toEqual(new Set([200]))
  expect(rendered).toEqual(['acme/http stable http://packages.example.test/acme'])
})

test('a document is rendered again when its package changed, and only then', async () => {
  const { app, organization, send, token, rendered } = await setUp()
  await buildPackage(app, { organization, name: 'acme/other' })
  const get = () => send('/acme/p2/acme/http.json', { token })

  await get()
  await bumpPackage(app.ports.database.write, await packageIdOf(app, organization, 'acme/other'), 0)
  await get()
  expect(rendered).toHaveLength(1)
  await bumpPackage(app.ports.database.write, await packageIdOf(app, organization), 0)
  await get()

  expect(rendered).toHaveLength(2)
})

test('each view of the root is rendered once, and tokens with the same patterns share it', async () => {
  const { app, organization, send, token, rendered } = await setUp()
  const limits = [['acme/*', 'beta/*'], ['beta/*', 'acme/*'], ['acme/http']]
  for (const packages of limits) {
    const { secret } = await buildToken(app, organization, { packages })
    await send('/acme/packages.json', { token: secret })
  }
  await send('/acme/packages.json', { token })
  await send('/acme/packages.json', { token, headers: { 'Accept-Encoding': 'gzip' } })

  expect(rendered).toEqual(['root acme/*,beta/*', 'root acme/http', 'root *'])
})

test('a document that could not be rendered is tried again by the next request', async () => {
  let broken = true
  const server = await createTestServer({
    renderer: (inline) => ({
      render: (order) => (broken ? Promise.reject(new Error('no memory')) : inline.render(order)),
    }),
  })
  const { app, send } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const { secret: token } = await buildToken(app, organization)

  expect((await send('/acme/p2/acme/http.json', { token })).status).toBe(500)
  broken = false
  expect((await send('/acme/p2/acme/http.json', { token })).status).toBe(200)
  app.warnings.splice(0)
})

test.each<[string, Record<string, string>, string]>([
  ['/org/acme/packages.json', {}, 'inline-root'],
  ['/acme/packages.json', { 'User-Agent': 'Composer/1.10.27' }, 'legacy-root'],
  ['/org/acme/p2/acme/http.json', {}, 'keyed'],
  ['/acme/p/acme/http.json', {}, 'legacy-lazy'],
])('of many who ask at once for %s, one renders it, and once more after a change', async (path, headers, kind) => {
  const { app, organization, send, rendered } = await setUp()
  const tokens = await Promise.all(Array.from({ length: 10 }, () => buildToken(app, organization)))
  const all = () => Promise.all(tokens.map(({ secret }) => send(path, { token: secret, headers })))

  const first = await all()
  await buildPackage(app, { organization, versions: ['1.0.0', '1.1.0'] })
  const second = await all()

  expect([...first, ...second].every(({ status }) => status === 200)).toBe(true)
  expect(rendered).toEqual([kind, kind])
})
