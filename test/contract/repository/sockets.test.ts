/** What only a socket shows: connections, lengths on the wire, files, and clients that hold on to what they opened. */
import { afterEach, expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createDiskBlobs } from '../../../src/platform/blobs/disk.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { basic, createTestServer } from '../../kit/http.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`
const LARGE = new Uint8Array(300_000).map((_, index) => (index * 7919) % 251)

const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) {
    socket.destroy()
  }
  sockets.clear()
})

/** A server whose archives are files, as in an installation. */
async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const root = join(app.directory, 'blobs')
  Object.assign(app.ports, { blobs: createDiskBlobs({ root, clock: app.clock, log: app.ports.log }) })
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  await buildArchiveOf(app, { package: await packageIdOf(app, organization), reference: REFERENCE, bytes: LARGE })
  const { secret: token } = await buildToken(app, organization)
  return { ...server, app, root, organization, token, authorization: basic('token', token) }
}

function open(port: number, text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      socket.write(text)
      resolve(socket)
    })
    sockets.add(socket)
    socket.on('error', reject)
  })
}

/** Everything that one request on a connection of its own brings, headers included. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = await open(port, text)
  let received = ''
  for await (const chunk of socket) {
    received += (chunk as Buffer).toString('latin1')
  }
  return received
}

function head(method: string, path: string, authorization: string, rest = ''): string {
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nConnection: close\r\n${rest}\r\n`
}

test('CO-045 eight connections are kept alive over many requests', async () => {
  const { listening, authorization } = await setUp()
  await listening(async (_, port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const used = new Set<number>()
    const get = () =>
      new Promise<number>((resolve, reject) => {
        const sent = request(
          { port, host: '127.0.0.1', path: '/acme/p2/acme/http.json', agent, headers: { Authorization: authorization } },
          (response) => {
            used.add(response.socket.localPort ?? 0)
            response.resume()
            response.on('end', () => resolve(response.statusCode ?? 0))
          },
        )
        sent.on('error', reject)
        sent.end()
      })

    const statuses = await Promise.all(Array.from({ length: 200 }, get))
    agent.destroy()

    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(used.size).toBeLessThanOrEqual(8)
  })
})

test.each([
  ['/acme/p2/acme/http.json'],
  ['/acme/packages.json'],
  [DIST],
  ['/acme/list.json'],
  ['/acme/p2/acme/absent.json'],
  ['/unknown/path/here'],
  ['/health'],
])('CO-083 CO-084 HEAD %s has the length of the GET and no body', async (path) => {
  const { listening, authorization } = await setUp()
  await listening(async (_, port) => {
    const [got = '', body = ''] = split(await exchange(port, head('GET', path, authorization)))
    const [headed = '', nothing = ''] = split(await exchange(port, head('HEAD', path, authorization)))

    expect(/content-length: (\d+)/i.exec(got)?.[1]).toBe(String(body.length))
    expect(/content-length: (\d+)/i.exec(headed)?.[1]).toBe(String(body.length))
    expect(headed.split('\r\n')[0]).toBe(got.split('\r\n')[0] ?? '')
    expect(nothing).toBe('')
  })
})

function split(message: string): string[] {
  const end = message.indexOf('\r\n\r\n')
  return [message.slice(0, end), message.slice(end + 4)]
}

test('CO-004 a 304 has no body and no length on the wire', async () => {
  const { listening, send, token, authorization } = await setUp()
  await listening(async (_, port) => {
    const base = 'http://localhost'
    const lastModified = (await send('/acme/p2/acme/http.json', { token, base })).headers.get('last-modified') ?? ''

    const answer = await exchange(
      port,
      head('GET', '/acme/p2/acme/http.json', authorization, `If-Modified-Since: ${lastModified}\r\n`),
    )

    expect(answer).toStartWith('HTTP/1.1 304 Not Modified\r\n')
    expect(answer).toEndWith('\r\n\r\n')
    expect(answer).not.toMatch(/content-length: [1-9]/i)
  })
})

test('CO-083 CO-084 a large archive is sent as it is, whole and in parts, under a name that tells nothing', async () => {
  const { listening, authorization, app } = await setUp()
  await listening(async (url) => {
    const get = (headers: Record<string, string> = {}) =>
      fetch(`${url}${DIST}`, { headers: { Authorization: authorization, ...headers } })

    const whole = await get({ 'Accept-Encoding': 'gzip, zstd' })
    const part = await get({ Range: 'bytes=1000-1999' })
    const conditional = await get({ Range: 'bytes=0-9', 'If-Range': '"x"' })
    const beyond = await get({ Range: 'bytes=300000-' })

    expect(whole.headers.get('content-length')).toBe('300000')
    expect(whole.headers.has('content-encoding')).toBe(false)
    expect(whole.headers.get('content-disposition')).toBe(`attachment; filename="acme-http-${REFERENCE.slice(0, 12)}.zip"`)
    expect(Buffer.compare(await whole.bytes(), LARGE)).toBe(0)
    expect(part.status).toBe(206)
    expect(part.headers.get('content-range')).toBe('bytes 1000-1999/300000')
    expect(Buffer.compare(await part.bytes(), LARGE.subarray(1000, 2000))).toBe(0)
    expect(conditional.status).toBe(200)
    expect(Buffer.compare(await conditional.bytes(), LARGE)).toBe(0)
    expect(beyond.status).toBe(416)
    expect(await beyond.json()).toMatchObject({ status: 'error' })
  })
  const counted = await app.ports.database.read.selectFrom('download_counts').select(['version', 'count']).execute()
  expect(counted).toEqual([{ version: '1.0.0.0', count: 2 }])
})

test('an archive whose file vanished is answered with 503 and then asked for anew, never with a broken body', async () => {
  const { app, listening, root, organization, authorization } = await setUp()
  await listening(async (url) => {
    const get = () => fetch(`${url}${DIST}`, { headers: { Authorization: authorization } })
    expect((await get()).status).toBe(200)
    rmSync(join(root, readdirSync(root).find((name) => name !== 'tmp') ?? ''), { recursive: true })

    const vanished = await get()
    const again = get()
    await waitFor(async () => (await queuedBuilds()) === 1)

    expect(vanished.status).toBe(503)
    expect(vanished.headers.get('retry-after')).toBe('5')
    expect(await vanished.json()).toMatchObject({ status: 'error' })
    await buildArchiveOf(app, { package: await packageIdOf(app, organization), reference: REFERENCE, bytes: LARGE })
    await app.ports.database.write.deleteFrom('jobs').execute()
    expect(Buffer.compare(await (await again).bytes(), LARGE)).toBe(0)
  })
  expect(app.warnings.splice(0).join('')).toContain('An archive could not be read from the storage.')

  async function queuedBuilds(): Promise<number> {
    return (await app.ports.database.read.selectFrom('jobs').select('id').where('kind', '=', 'archive.build').execute()).length
  }
})

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error('What was waited for did not come.')
    }
    await Bun.sleep(10)
  }
}

test.each([
  [
    'an absolute target with another host',
    'GET http://evil.example/acme/packages.json HTTP/1.1\r\nHost: localhost\r\n',
    /^HTTP\/1.1 401/,
  ],
  ['a Host that is none', 'GET /acme/packages.json HTTP/1.1\r\nHost: a b\r\n', /^HTTP\/1.1 400/],
  ['no Host', 'GET /acme/packages.json HTTP/1.1\r\n', /^HTTP\/1.1 400/],
  ['HTTP/1.0 without Host', 'GET /acme/packages.json HTTP/1.0\r\n', /^HTTP\/1.1 400/],
  ['a path of 64 KB', `GET /${'a'.repeat(64_000)} HTTP/1.1\r\nHost: localhost\r\n`, /^HTTP\/1.1 4\d\d/],
  ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n', /^HTTP\/1.1 4\d\d/],
  [
    'two lengths',
    'POST /acme/downloads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n',
    /^HTTP\/1.1 400/,
  ],
  [
    'a length and chunks',
    'POST /acme/downloads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n',
    /^HTTP\/1.1 400/,
  ],
])('abuse 37 abuse 43 a request with %s is refused and logs nothing', async (_, text, expected) => {
  const { app, listening } = await setUp()
  await listening(async (_url, port) => {
    expect(await exchange(port, `${text}Connection: close\r\n\r\n`)).toMatch(expected)
  })
  expect(app.warnings).toEqual([])
})

test('stopping waits for a request that runs and for nothing else', async () => {
  const { app, server, organization, token } = await setUp()
  const port = server.listen({ shared: false })
  await open(port, '')
  await open(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await open(port, 'GET /health HTTP/1.1\r\nHost: loc')
  const slow = fetch(`http://127.0.0.1:${port}/acme/dists/acme/http/1/${commitId('slow')}.zip`, {
    headers: { Authorization: basic('token', token) },
  })
  await waitFor(async () => (await app.ports.database.read.selectFrom('jobs').select('id').execute()).length === 1)
  const started = performance.now()

  const stopping = server.stop(10_000)
  await Bun.sleep(150)
  await buildArchiveOf(app, { package: await packageIdOf(app, organization), reference: commitId('slow'), bytes: LARGE })
  await app.ports.database.write.deleteFrom('jobs').execute()
  const response = await slow
  const bytes = await response.bytes()
  await stopping

  expect(response.status).toBe(200)
  expect(bytes).toHaveLength(LARGE.length)
  expect(performance.now() - started).toBeLessThan(2_000)
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
})

test('stopping does not wait longer than it may', async () => {
  const { app, server, authorization } = await setUp()
  const port = server.listen({ shared: false })
  await open(
    port,
    `POST /acme/downloads HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Length: 99\r\n\r\n`,
  )
  await Bun.sleep(50)
  const started = performance.now()

  await server.stop(200)

  expect(performance.now() - started).toBeLessThan(1_000)
  expect(app.warnings).toEqual([])
})
