import { expect, test } from 'bun:test'
import { expandMirrorUrl, expandVersions, type VersionData } from '../../../src/composer/index.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf, type BuildPackage } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

const ZIP = new TextEncoder().encode('0123456789 these are the bytes of a zip')
const REFERENCE = commitId('acme/http 1.0.0')
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`

async function setUp(versions: BuildPackage['versions'] = ['1.0.0', { version: 'dev-main', defaultBranch: true }]) {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, versions })
  const target = await packageIdOf(app, organization)
  const blob = await buildArchiveOf(app, { package: target, reference: REFERENCE, bytes: ZIP })
  await buildPackage(app, { organization, versions, description: 'Described anew.' })
  const { secret: token } = await buildToken(app, organization)
  return {
    ...server,
    app,
    organization,
    target,
    blob,
    token,
    async counts() {
      await server.server.usage.fold(app.ports.database.write)
      return app.ports.database.read.selectFrom('download_counts').select(['version', 'kind', 'count']).execute()
    },
    async versions(path: string): Promise<VersionData[]> {
      const document = (await server.json(`/acme/p2/${path}.json`, { token })) as { packages: Record<string, VersionData[]> }
      return expandVersions(document.packages['acme/http'] ?? [])
    },
  }
}

test('CO-070 the archive is on the origin of the registry, below the URL that metadata gives', async () => {
  const { send, versions, token } = await setUp()
  const [version] = await versions('acme/http')
  const { url } = (version ?? {})['dist'] as { url: string }

  const response = await send(url.slice(BASE.length), { token })

  expect(url).toBe(`${BASE}${DIST}`)
  expect(response.status).toBe(200)
  expect(await response.bytes()).toEqual(ZIP)
})

test('CO-071 an archive of a version that is gone from metadata stays at its address', async () => {
  const { app, organization, send, versions, token } = await setUp()

  await buildPackage(app, { organization, versions: ['2.0.0'] })

  expect((await versions('acme/http')).map((version) => version['version'])).toEqual(['2.0.0'])
  expect(await (await send(DIST, { token })).bytes()).toEqual(ZIP)
})

test('CO-072 shasum is the SHA-1 of the bytes', async () => {
  const { blob, versions } = await setUp()

  const [version] = await versions('acme/http')

  expect(version?.['dist']).toMatchObject({ shasum: blob.sha1 })
  expect(blob.sha1).toBe(new Bun.CryptoHasher('sha1').update(ZIP).digest('hex'))
})

test('CO-073 an archive of a development version has a place for the reference in its URL and no shasum', async () => {
  const { versions } = await setUp()

  const [version] = await versions('acme/http~dev')

  expect(version?.['dist']).toEqual({
    type: 'zip',
    url: `${BASE}/acme/dists/acme/http/dev-main/%reference%.zip`,
    reference: commitId('acme/http dev-main'),
  })
})

test.each([
  ['as in metadata', DIST],
  ['abuse 3 with the tag spelled with a v', `/acme/dists/acme/http/v1.0.0/${REFERENCE}.zip`],
  ['abuse 3 with the normalized version', `/acme/dists/acme/http/1.0.0.0/${REFERENCE}.zip`],
  ['with a branch that has a slash', `/acme/dists/acme/http/dev-feature/x/${REFERENCE}.zip`],
  ['with an encoded slash', `/acme/dists/acme%2Fhttp/dev-feature%2Fx/${REFERENCE}.zip`],
  ['without a version', `/acme/dists/acme/http/${REFERENCE}.zip`],
  ['CO-080 as a mirror template has it', `/acme/dists/acme/http/1.0.0.0/r${REFERENCE}.zip`],
  ['with an abbreviated reference', `/acme/dists/acme/http/1.0.0/${REFERENCE.slice(0, 10)}.zip`],
])('CO-071 the archive is found %s', async (_, path) => {
  const { send, token } = await setUp()

  expect((await send(path, { token })).status).toBe(200)
})

test.each([
  ['1.0.0.0', '1.0.0'],
  ['dev-feature/x', 'dev-feature/x'],
])('CO-080 a mirror template of the usual form answers for version %p', async (version, prettyVersion) => {
  const { send, token } = await setUp()
  const template = '/acme/dists/%package%/%version%/r%reference%.%type%'
  const path = expandMirrorUrl(template, { packageName: 'acme/http', version, reference: REFERENCE, type: 'zip', prettyVersion })

  expect((await send(path, { token })).status).toBe(200)
})

test.each([
  ['of another package', `/acme/dists/acme/absent/1.0.0/${REFERENCE}.zip`],
  ['of a reference that cannot be one', '/acme/dists/acme/http/1.0.0/not-a-reference.zip'],
  ['of an abbreviation that is too short', `/acme/dists/acme/http/1.0.0/${REFERENCE.slice(0, 6)}.zip`],
  ['of a type that there is not', `/acme/dists/acme/http/1.0.0/${REFERENCE}.rar`],
])('CO-080 an archive %s is 404 in JSON', async (_, path) => {
  const { send, token } = await setUp()

  const response = await send(path, { token })

  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toBe('application/json')
})

test.each([
  ['bytes=0-9', 206, '0123456789', 'bytes 0-9/39'],
  ['bytes=11-15', 206, 'these', 'bytes 11-15/39'],
  ['bytes=-3', 206, 'zip', 'bytes 36-38/39'],
  ['bytes=36-', 206, 'zip', 'bytes 36-38/39'],
  ['bytes=36-99999', 206, 'zip', 'bytes 36-38/39'],
  ['bytes=-99999', 206, new TextDecoder().decode(ZIP), 'bytes 0-38/39'],
  ['bytes=39-', 416, null, 'bytes */39'],
  ['bytes=-0', 416, null, 'bytes */39'],
  ['bytes=9-0', 200, new TextDecoder().decode(ZIP), null],
  ['bytes=0-1,4-5', 200, new TextDecoder().decode(ZIP), null],
  ['bytes=-', 200, new TextDecoder().decode(ZIP), null],
  ['bytes=99999999999999999999-', 200, new TextDecoder().decode(ZIP), null],
  ['items=0-1', 200, new TextDecoder().decode(ZIP), null],
])('CO-083 abuse 48 Range: %s is answered with %p', async (range, status, body, contentRange) => {
  const { send, token } = await setUp()

  const response = await send(DIST, { token, headers: { Range: range } })

  expect(response.status).toBe(status)
  expect(response.headers.get('content-range')).toBe(contentRange)
  if (body !== null) {
    expect(await response.text()).toBe(body)
  }
})

test('CO-083 a range with If-Range gets the whole, because archives have no validator', async () => {
  const { send, token } = await setUp()

  const response = await send(DIST, { token, headers: { Range: 'bytes=0-9', 'If-Range': '"x"' } })

  expect(response.status).toBe(200)
  expect(await response.bytes()).toEqual(ZIP)
})

test('CO-083 CO-084 HEAD gives the length and no body, and archives are not coded', async () => {
  const { send, token } = await setUp()
  const headers = { 'Accept-Encoding': 'gzip, zstd' }

  const head = await send(DIST, { token, method: 'HEAD', headers })
  const whole = await send(DIST, { token, headers })

  expect(head.status).toBe(200)
  expect(head.headers.get('content-length')).toBe(String(ZIP.length))
  expect(await head.text()).toBe('')
  expect(whole.headers.has('content-encoding')).toBe(false)
  expect(whole.headers.get('content-type')).toBe('application/zip')
  expect(whole.headers.get('content-disposition')).toBe(`attachment; filename="acme-http-${REFERENCE.slice(0, 12)}.zip"`)
})

test('CO-083 abuse 48 If-None-Match confirms what the client has, and nothing else', async () => {
  const { send, token } = await setUp()
  for (const path of [DIST, '/acme/p2/acme/http.json', '/acme/packages.json']) {
    expect((await send(path, { token, headers: { 'If-None-Match': '*' } })).status).toBe(304)
    expect((await send(path, { token, headers: { 'If-None-Match': '"something"' } })).status).toBe(200)
    expect((await send(path, { headers: { 'If-None-Match': '*' } })).status).toBe(401)
  }
})

test('CO-088 a download counts once; HEAD, later parts, refusals and metadata do not count', async () => {
  const { send, counts, token } = await setUp()
  await send(DIST, { token })
  await send(DIST, { token, headers: { Range: 'bytes=0-9' } })
  await send(DIST, { token, headers: { Range: 'bytes=10-' } })
  await send(DIST, { token, headers: { Range: 'bytes=99-' } })
  await send(DIST, { token, method: 'HEAD' })
  await send(DIST)
  await send('/acme/p2/acme/http.json', { token })

  expect(await counts()).toEqual([{ version: '1.0.0.0', kind: 'download', count: 2 }])
})

test('CO-088 many who download at once are counted each', async () => {
  const { send, counts, token } = await setUp()

  await Promise.all(Array.from({ length: 25 }, () => send(DIST, { token })))

  expect(await counts()).toEqual([{ version: '1.0.0.0', kind: 'download', count: 25 }])
})
