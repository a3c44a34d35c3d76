import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import http from 'node:http'
import net from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Http, HttpAnswer, HttpRequest } from '../../core/kernel/ports.ts'
import { createHttp } from './create-http.ts'
import { createEgress } from './egress.ts'

const REQUEST = { redirects: 3, maxBytes: 20_000_000, stall: 2_000, duration: 5_000 }

let addresses: Record<string, string[]>
let outside: Http
let server: http.Server
let port: number
let connections: number
let answer: http.RequestListener
const others: net.Server[] = []

beforeEach(async () => {
  addresses = { 'one.example': ['127.0.0.1'], 'two.example': ['127.0.0.1'] }
  outside = createHttp(createEgress({ allow: ['127.0.0.1'], resolve: async (host) => addresses[host] ?? [] }))
  connections = 0
  answer = (request, response) => response.end(`at ${request.url}`)
  server = http.createServer((request, response) => answer(request, response))
  server.on('connection', () => (connections += 1))
  port = await listen(server)
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
  for (const other of others.splice(0)) other.close()
})

async function listen(target: net.Server): Promise<number> {
  await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
  return (target.address() as net.AddressInfo).port
}

function ask(path: string, request: Partial<HttpRequest> = {}): Promise<HttpAnswer> {
  return outside.fetch({ url: `http://one.example:${port}${path}`, ...REQUEST, ...request })
}

async function textOf(answered: HttpAnswer | Promise<HttpAnswer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync((await answered).body)).toString()
}

describe('a kept connection', () => {
  test('serves the next requests to the same origin, after bodies that were read, small ones that nobody read, and 304', async () => {
    answer = (request, response) => {
      response.statusCode = request.url === '/same' ? 304 : 200
      response.end(request.url === '/same' ? undefined : 'text')
    }

    expect(await textOf(ask('/1'))).toBe('text')
    await (await ask('/2')).body.return()
    await Bun.sleep(20)
    await (await ask('/same')).body.return()
    await Bun.sleep(20)
    expect(await textOf(ask('/3'))).toBe('text')
    expect(await textOf(ask('/redirected'))).toBe('text')

    expect(connections).toBe(1)
  })

  test('is not used for another origin, nor when the name leads elsewhere', async () => {
    await textOf(ask('/'))
    await textOf(outside.fetch({ url: `http://two.example:${port}/`, ...REQUEST }))
    expect(connections).toBe(2)

    addresses['one.example'] = ['127.0.0.1', '127.0.0.9']
    outside = createHttp(createEgress({ allow: ['127.0.0.0/8'], resolve: async (host) => addresses[host] ?? [] }))
    await textOf(ask('/'))
    addresses['one.example'] = ['127.0.0.1']
    await textOf(ask('/'))
    expect(connections).toBe(4)
  })

  test('needs the address of its name once for requests that begin together, and again for later ones', async () => {
    let lookups = 0
    const resolve = async () => {
      lookups += 1
      await Bun.sleep(5)
      return ['127.0.0.1']
    }
    outside = createHttp(createEgress({ allow: ['127.0.0.1'], resolve }))
    await Promise.all(Array.from({ length: 10 }, () => textOf(ask('/'))))
    expect(lookups).toBe(1)
    await textOf(ask('/'))
    expect(lookups).toBe(2)
  })

  test('abuse 30: is not used any more when the address of the name is closed', async () => {
    await textOf(ask('/'))
    addresses['one.example'] = ['169.254.169.254']

    await expect(ask('/')).rejects.toMatchObject({ code: 'egress_blocked' })
  })

  test('that the other side closed meanwhile is replaced, but a POST is not sent twice', async () => {
    let answered = 0
    let posts = 0
    const rude = net.createServer((socket) => {
      let requests = 0
      socket.on('error', () => undefined)
      socket.on('data', (data) => {
        requests += 1
        posts += data.toString().startsWith('POST') ? 1 : 0
        if (requests > 1 || data.toString().startsWith('POST')) socket.destroy()
        else {
          answered += 1
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        }
      })
    })
    others.push(rude)
    const url = `http://one.example:${await listen(rude)}/`

    expect(await textOf(outside.fetch({ url, ...REQUEST }))).toBe('ok')
    expect(await textOf(outside.fetch({ url, ...REQUEST }))).toBe('ok')
    await expect(outside.fetch({ url, ...REQUEST, method: 'POST', body: Buffer.from('x') })).rejects.toMatchObject({
      code: 'source_unreachable',
    })
    expect({ answered, posts }).toEqual({ answered: 2, posts: 1 })
  })

  test('outlives the time that an earlier request had', async () => {
    await textOf(ask('/quick', { duration: 150 }))
    answer = (_, response) => void setTimeout(() => response.end('late'), 300)

    expect(await textOf(ask('/slow'))).toBe('late')
    expect(connections).toBe(1)
  })
})

describe('a body', () => {
  test('that takes too long in all is given up, however steadily it comes', async () => {
    answer = (_, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    }

    await expect(textOf(ask('/', { duration: 200 }))).rejects.toMatchObject({ code: 'source_timeout' })
  })

  test('that is large and that nobody reads ends its connection', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    answer = (request, response) => {
      request.socket.on('close', () => resolve())
      response.writeHead(200, { 'content-length': '100000000' })
      response.write('x')
    }

    await (await ask('/')).body.return()

    await closed
  })

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
  ] as const)('in %s is decoded where that is wanted, and only there', async (encoding, compress) => {
    const accepted: (string | undefined)[] = []
    answer = (request, response) => {
      accepted.push(request.headers['accept-encoding'] as string)
      response.setHeader('content-encoding', encoding)
      response.end(compress('{"packages":[]}'))
    }

    expect(await textOf(ask('/', { decodes: true }))).toBe('{"packages":[]}')
    expect(await textOf(ask('/'))).not.toBe('{"packages":[]}')
    expect(accepted).toEqual(['gzip, br, zstd, deflate', 'identity'])
  })

  test('without encoding is given as it is', async () => {
    expect(await textOf(ask('/x', { decodes: true }))).toBe('at /x')
  })

  test.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(30_000_000))],
    ['zstd', zstdCompressSync(Buffer.alloc(50_000_000))],
  ])('abuse 25: a bomb in %s is refused by its decoded size', async (encoding, bomb) => {
    answer = (_, response) => response.setHeader('content-encoding', encoding).end(bomb)

    await expect(textOf(ask('/', { decodes: true }))).rejects.toMatchObject({ code: 'source_too_large' })
    // Below the limit, but nothing honest is so much smaller when it is compressed.
    const patient = textOf(ask('/', { decodes: true, maxBytes: 100_000_000 }))
    await expect(patient).rejects.toMatchObject({ code: 'source_too_large' })
  })

  test.each([
    ['gzip', gzipSync('{"packages":{"acme/http":[]}}').subarray(0, 30)],
    ['br', Buffer.from('no brotli')],
    ['compress', Buffer.from('x')],
    ['gzip, gzip', gzipSync(gzipSync('x'))],
  ])('abuse 25: broken %s is a failure', async (encoding, body) => {
    answer = (_, response) => response.setHeader('content-encoding', encoding).end(body)

    await expect(textOf(ask('/', { decodes: true }))).rejects.toMatchObject({ code: 'source_unreachable' })
  })

  test('abuse 25: that is shorter than announced is a failure', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{}', () => response.destroy())
    }

    await expect(textOf(ask('/', { decodes: true }))).rejects.toMatchObject({ code: 'source_unreachable' })
  })
})

test('abuse 31: headers of a credential go to their origin alone, also after redirects, and set nothing of the connection', async () => {
  const seen: http.IncomingHttpHeaders[] = []
  answer = (request, response) => {
    seen.push(request.headers)
    if (request.url === '/') response.writeHead(307, { location: `http://two.example:${port}/there` }).end()
    else response.end('done')
  }
  const headers = { 'X-Token': 'secret', Authorization: 'Custom 1', Host: 'other.example', 'Content-Length': '7' }

  expect(await textOf(ask('/', { credential: { origin: `http://one.example:${port}`, headers } }))).toBe('done')

  expect(seen[0]).toMatchObject({ 'x-token': 'secret', authorization: 'Custom 1', host: `one.example:${port}` })
  expect(seen[0]).not.toHaveProperty('content-length')
  expect(seen[1]).not.toHaveProperty('x-token')
  expect(seen[1]).not.toHaveProperty('authorization')
})
