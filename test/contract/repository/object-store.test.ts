import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Blobs } from '../../../src/core/kernel/ports.ts'
import { createDiskBlobs } from '../../../src/platform/blobs/disk.ts'
import { createS3Blobs } from '../../../src/platform/blobs/s3.ts'
import { openS3Bucket } from '../../../src/platform/blobs/s3-bucket.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { scratchDirectory } from '../../kit/database.ts'
import { basic, createTestServer } from '../../kit/http.ts'
import { startS3Server, type S3Server } from '../../kit/s3-server.ts'
import { createTestApp, type TestApp } from '../../kit/app.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`
const DOCUMENTED = '/org/acme/packages/acme/http/1.0.0.zip'
/** Larger than what is kept in memory and than one piece of a stream. */
const ZIP = Uint8Array.from({ length: 3 * 1024 * 1024 + 17 }, (_, index) => (index * 31) % 251)

let store: S3Server
let directory: string
beforeEach(async () => {
  store = await startS3Server()
  directory = scratchDirectory('object-store')
})
afterEach(async () => {
  await store.stop()
  rmSync(directory, { recursive: true, force: true })
})

function openStore(app: TestApp, redirectSeconds: number | null): Blobs {
  const { clock, random, log } = app.ports
  return createS3Blobs({
    bucket: openS3Bucket({ ...store, pathStyle: true }),
    prefix: 'packages/',
    redirectSeconds,
    staging: createDiskBlobs({ root: join(directory, 'blobs'), clock, log }),
    clock,
    random,
    log,
    firstPause: 1,
  })
}

async function setUp({ redirectSeconds, bytes = ZIP }: { redirectSeconds: number | null; bytes?: Uint8Array }) {
  const app = await createTestApp()
  Object.assign(app.ports.blobs, openStore(app, redirectSeconds))
  const server = await createTestServer({ app })
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, versions: ['1.0.0'] })
  await buildArchiveOf(app, { package: await packageIdOf(app, organization), reference: REFERENCE, bytes })
  const { secret: token } = await buildToken(app, organization)
  return {
    ...server,
    token,
    async downloads() {
      await server.server.usage.fold(app.ports.database.write)
      const rows = await app.ports.database.read.selectFrom('download_counts').select('count').execute()
      return rows.map(({ count }) => count)
    },
  }
}

describe('with redirects', () => {
  test.each([DIST, DOCUMENTED])('PR-117 CO-079 %s is 302 to a signed address that is good for 30 minutes', async (path) => {
    const { send, token } = await setUp({ redirectSeconds: 1800 })

    const response = await send(path, { token })
    const location = response.headers.get('location') ?? ''
    const archive = await fetch(location)

    expect(response.status).toBe(302)
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    expect(response.headers.has('etag')).toBe(false)
    expect(await response.text()).toBe('')
    expect(new URL(location).searchParams.get('X-Amz-Expires')).toBe('1800')
    expect(archive.headers.get('content-type')).toBe('application/zip')
    expect(archive.headers.get('content-disposition')).toBe(`attachment; filename="acme-http-${REFERENCE.slice(0, 12)}.zip"`)
    expect(await archive.bytes()).toEqual(ZIP)
  })

  test('abuse 40 the address is for whoever may have the archive, for this archive, and nothing of the instance is in it', async () => {
    const { send, token } = await setUp({ redirectSeconds: 60 })

    const stranger = await send(DIST)
    const location = (await send(DIST, { token })).headers.get('location') ?? ''
    const other = await fetch(location.replace(/objects\/../, 'objects/00'))

    expect(stranger.status).toBe(401)
    expect(stranger.headers.has('location')).toBe(false)
    expect(other.status).toBe(403)
    expect(location).not.toContain(token)
    expect(location).not.toContain(store.secretAccessKey)
  })

  test('CO-083 HEAD describes the archive without a redirect, and a range is repeated at the store', async () => {
    const { send, token } = await setUp({ redirectSeconds: 1800 })

    const head = await send(DIST, { token, method: 'HEAD' })
    const redirect = await send(DIST, { token, headers: { Range: 'bytes=10-19' } })
    const part = await fetch(redirect.headers.get('location') ?? '', { headers: { Range: 'bytes=10-19' } })

    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(ZIP.length)])
    expect(redirect.status).toBe(302)
    expect([part.status, await part.bytes()]).toEqual([206, ZIP.slice(10, 20)])
  })

  test('CO-088 a redirect counts as a download; HEAD and later parts do not', async () => {
    const { send, token, downloads } = await setUp({ redirectSeconds: 1800 })
    await send(DIST, { token })
    await send(DIST, { token, headers: { Range: 'bytes=0-' } })
    await send(DIST, { token, headers: { Range: 'bytes=100-' } })
    await send(DIST, { token, headers: { Range: 'bytes=-100' } })
    await send(DIST, { token, method: 'HEAD' })

    expect(await downloads()).toEqual([2])
  })

  test('CO-071 an address is made anew for each request', async () => {
    const { send, token } = await setUp({ redirectSeconds: 1800 })
    const first = (await send(DIST, { token })).headers.get('location') ?? ''
    await Bun.sleep(1100)

    const second = (await send(DIST, { token })).headers.get('location') ?? ''

    const date = (address: string) => new URL(address).searchParams.get('X-Amz-Date')
    expect(date(second)).not.toBe(date(first))
  })
})

describe('without redirects', () => {
  test('CO-079 CO-083 the archive passes through, whole and in parts', async () => {
    const { listening, token } = await setUp({ redirectSeconds: null })
    await listening(async (url) => {
      const get = (headers: Record<string, string>, method = 'GET') =>
        fetch(`${url}${DIST}`, { method, headers: { Authorization: basic('token', token), ...headers } })

      const whole = await get({})
      const head = await get({}, 'HEAD')
      const part = await get({ Range: 'bytes=1048570-2097160' })
      const known = await get({ 'If-None-Match': whole.headers.get('etag') ?? '' })

      expect(whole.status).toBe(200)
      expect(await whole.bytes()).toEqual(ZIP)
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(ZIP.length)])
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1048570-2097160/${ZIP.length}`])
      expect(await part.bytes()).toEqual(ZIP.slice(1048570, 2097161))
      expect(known.status).toBe(304)
    })
  })

  test('abuse 58: a store that fails in the middle breaks the connection, so that nobody takes half an archive for a whole', async () => {
    const { app, listening, token } = await setUp({ redirectSeconds: null })
    store.disturb((request) =>
      request.headers.range === 'bytes=2097152-3145727' ? { kind: 'refuse', status: 403, code: 'ExpiredToken' } : null,
    )
    await listening(async (url) => {
      const response = await fetch(`${url}${DIST}`, { headers: { Authorization: basic('token', token) } })

      expect(response.status).toBe(200)
      await expect(response.bytes()).rejects.toThrow()
    })
    app.warnings.length = 0
  })

  test('a small archive is read once and then served from memory', async () => {
    const small = new TextEncoder().encode('a small archive')
    const { send, token } = await setUp({ redirectSeconds: null, bytes: small })
    store.requests.length = 0

    for (let count = 0; count < 3; count += 1) {
      expect(await (await send(DIST, { token })).bytes()).toEqual(small)
    }

    expect(store.requests.filter((request) => request.startsWith('GET'))).toHaveLength(1)
  })
})

test('abuse 58: while the store refuses, archives are 503 with a reason and metadata goes on', async () => {
  const { app, send, token } = await setUp({ redirectSeconds: 1800 })
  app.clock.advance('2 minutes')
  store.disturb(() => ({ kind: 'refuse', status: 403, code: 'ExpiredToken' }))

  const archive = await send(DIST, { token })
  const metadata = await send('/acme/p2/acme/http.json', { token })
  const root = await send('/acme/packages.json', { token })
  store.disturb(null)
  const recovered = await send(DIST, { token })

  expect([archive.status, metadata.status, root.status, recovered.status]).toEqual([503, 200, 200, 302])
  expect(await archive.text()).not.toContain(store.accessKeyId)
  expect(app.warnings).toHaveLength(1)
  expect(app.warnings[0]).toContain('the credentials for the object store have expired')
  app.warnings.length = 0
})
