/** Archives of mirrored packages over HTTP: what clients are told, and what no upstream is asked for. */
import { expect, test } from 'bun:test'
import { expandMirrorUrl } from '../../../src/composer/index.ts'
import { blockPackage } from '../../../src/core/advisories/index.ts'
import { getOrganizationByPath } from '../../../src/core/organizations/index.ts'
import { buildToken } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'
import { createMirrored } from '../../kit/mirrored.ts'

const NAME = 'vendor/tool'

async function setUp() {
  const mirrored = await createMirrored({ packages: { [NAME]: ['1.0.0', '1.1.0'] } })
  await mirrored.record(NAME, ['1.0.0', '1.1.0'])
  const server = await createTestServer({ app: mirrored.app })
  const { secret: token } = await buildToken(mirrored.app, mirrored.organization)
  const reference = mirrored.upstream.referenceOf(NAME, '1.0.0')
  return {
    ...mirrored,
    ...server,
    token,
    reference,
    path: mirrored.upstream.archivePath(NAME, '1.0.0'),
    get: (path: string) => server.send(path, { token }),
  }
}

test('CO-080 CO-081 every form of an address leads to the archive, which is fetched once', async () => {
  const { get, upstream, reference, path } = await setUp()
  const template = expandMirrorUrl('/acme/dists/%package%/%version%/r%reference%.%type%', {
    packageName: NAME,
    version: '1.0.0.0',
    reference,
    type: 'zip',
    prettyVersion: '1.0.0',
  })
  const forms = [`/acme/dists/${NAME}/1.0.0/${reference}.zip`, `/acme/dists/${NAME}/${reference}.zip`, template]

  for (const form of forms) {
    const response = await get(form)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/zip')
    expect(await response.bytes()).toEqual(new Uint8Array(upstream.archive(NAME, '1.0.0')))
  }
  expect(upstream.count(path)).toBe(1)
})

test('CO-085 many clients that ask at once share one request to the upstream', async () => {
  const { get, upstream, reference, path } = await setUp()
  upstream.latency = 20

  const answers = await Promise.all(Array.from({ length: 50 }, () => get(`/acme/dists/${NAME}/1.0.0/${reference}.zip`)))

  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  expect(upstream.count(path)).toBe(1)
})

test('abuse 29: a failing upstream is 502, and only what it says it does not have is 404', async () => {
  const { get, upstream, reference, path, app } = await setUp()
  const address = `/acme/dists/${NAME}/1.0.0/${reference}.zip`

  for (const status of [401, 403, 500, 503]) {
    upstream.misbehave(path, { kind: 'status', status })
    expect((await get(address)).status).toBe(502)
  }
  upstream.misbehave(path, { kind: 'status', status: 410 })
  expect((await get(address)).status).toBe(404)
  upstream.behave()
  app.clock.advance('6 minutes')
  expect((await get(address)).status).toBe(200)
})

test('an archive that was fetched is handed out while the upstream is away', async () => {
  const { get, upstream, reference } = await setUp()
  const other = upstream.referenceOf(NAME, '1.1.0')
  await get(`/acme/dists/${NAME}/1.0.0/${reference}.zip`)
  await upstream.fall()

  expect((await get(`/acme/dists/${NAME}/1.0.0/${reference}.zip`)).status).toBe(200)
  expect((await get(`/acme/dists/${NAME}/1.1.0/${other}.zip`)).status).toBe(502)
})

test('a blocked version is 410 with the list and the reason', async () => {
  const { get, app, reference } = await setUp()
  const organization = await getOrganizationByPath(app.ctx(), 'acme')
  await get(`/acme/dists/${NAME}/1.0.0/${reference}.zip`)
  await blockPackage(app.ctx(), { organization, list: 'blocked', name: NAME, versions: '*', reason: 'stolen', url: null })

  const response = await get(`/acme/dists/${NAME}/1.0.0/${reference}.zip`)

  expect(response.status).toBe(410)
  expect(await response.json()).toMatchObject({ message: expect.stringContaining('stolen') })
})

test('abuse 34: what an upstream never named is asked of nobody', async () => {
  const { get, upstream } = await setUp()
  const before = upstream.requests.length

  expect((await get(`/acme/dists/${NAME}/dev-main/${'f'.repeat(40)}.zip`)).status).toBe(404)

  expect(upstream.requests.length).toBe(before)
})
