import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEgress, type Egress } from './egress.ts'
import { guardedFetch, type GuardedRequest, type GuardedResponse } from './guarded-fetch.ts'

const NAMES: Readonly<Record<string, string[]>> = {
  'one.example': ['127.0.0.1'],
  'two.example': ['127.0.0.1'],
  'inner.example': ['10.0.0.1'],
}
const REQUEST: GuardedRequest = { redirects: 3, maxBytes: 1_000_000, stall: 1000 }

let egress: Egress
let server: Bun.Server<undefined>
let seen: { host: string; path: string; authorization: string | null; method: string; body: string }[]
let answer: (request: Request, path: string) => Response | Promise<Response>

beforeEach(() => {
  egress = createEgress({ allow: ['127.0.0.1'], resolve: async (host) => NAMES[host] ?? [] })
  seen = []
  answer = (_, path) => new Response(`at ${path}`)
  server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const { method, headers } = request
      seen.push({
        host: headers.get('host') ?? '',
        path: pathname,
        authorization: headers.get('authorization'),
        method,
        body: await request.text(),
      })
      return answer(request, pathname)
    },
  })
})

afterEach(() => server.stop(true))

function at(host: string, path = '/'): string {
  return `http://${host}:${server.port}${path}`
}

async function textOf(response: GuardedResponse): Promise<string> {
  return Buffer.concat(await Array.fromAsync(response.body)).toString()
}

describe('a guarded request', () => {
  test('dials the judged address and asks for the name', async () => {
    const response = await guardedFetch(egress, at('one.example', '/a?b=c'), REQUEST)

    expect(response.status).toBe(200)
    expect(await textOf(response)).toBe('at /a')
    expect(seen).toMatchObject([{ host: `one.example:${server.port}`, method: 'GET' }])
  })

  test('sends a body', async () => {
    const response = await guardedFetch(egress, at('one.example'), { ...REQUEST, method: 'POST', body: Buffer.from('hello') })
    await response.body.return()

    expect(seen).toMatchObject([{ method: 'POST', body: 'hello' }])
  })

  test.each([
    'http://127.0.0.2/',
    'http://169.254.169.254/',
    'http://[::ffff:10.0.0.1]/',
    'http://2130706434/',
    'http://inner.example/',
    'http://0/',
  ])('abuse 30: %s is blocked', async (url) => {
    await expect(guardedFetch(egress, url, REQUEST)).rejects.toMatchObject({ code: 'egress_blocked' })
  })

  test.each(['file:///etc/passwd', 'ftp://one.example/', 'http://user:pass@one.example/', 'javascript:1', 'nonsense'])(
    '%s is refused',
    async (url) => {
      await expect(guardedFetch(egress, url, REQUEST)).rejects.toMatchObject({ code: 'invalid_url' })
    },
  )

  test('a name without address is unreachable', async () => {
    await expect(guardedFetch(egress, 'http://nobody.example/', REQUEST)).rejects.toMatchObject({ code: 'source_unreachable' })
  })

  test('a closed port is unreachable', async () => {
    await server.stop(true)
    await expect(guardedFetch(egress, at('one.example'), REQUEST)).rejects.toMatchObject({ code: 'source_unreachable' })
  })
})

describe('a redirect', () => {
  test('is followed, and not beyond the number allowed', async () => {
    answer = (_, path) => Response.redirect(at('two.example', `${path}x`), 302)

    const response = await guardedFetch(egress, at('one.example', '/'), REQUEST)
    await response.body.return()

    expect(response.status).toBe(302)
    expect(seen.map((request) => request.path)).toEqual(['/', '/x', '/xx', '/xxx'])
  })

  test.each([
    ['http://169.254.169.254/', 'egress_blocked'],
    ['http://inner.example/', 'egress_blocked'],
    ['file:///etc/passwd', 'invalid_url'],
    ['http://user:pass@one.example/', 'invalid_url'],
  ])('abuse 30: to %s ends as %s', async (location, code) => {
    answer = () => new Response(null, { status: 302, headers: { location } })

    await expect(guardedFetch(egress, at('one.example'), REQUEST)).rejects.toMatchObject({ code })
  })

  test('abuse 31: another origin does not get the credential, also when it redirects back', async () => {
    answer = (_, path) => {
      if (path === '/') return Response.redirect(at('two.example', '/two'), 307)
      return path === '/two' ? Response.redirect(at('one.example', '/back'), 307) : new Response('done')
    }
    const credential = { origin: `http://one.example:${server.port}`, authorization: 'Bearer secret' }

    const response = await guardedFetch(egress, at('one.example'), { ...REQUEST, credential })

    expect(await textOf(response)).toBe('done')
    expect(seen.map((request) => request.authorization)).toEqual(['Bearer secret', null, 'Bearer secret'])
  })

  test('turns a POST into a GET unless its status says otherwise', async () => {
    for (const [status, method] of [
      [303, 'GET'],
      [308, 'POST'],
    ] as const) {
      seen = []
      answer = (_, path) => (path === '/' ? Response.redirect(at('one.example', '/next'), status) : new Response('done'))
      await textOf(await guardedFetch(egress, at('one.example'), { ...REQUEST, method: 'POST', body: Buffer.from('hello') }))
      expect(seen[1]).toMatchObject({ method, body: method === 'GET' ? '' : 'hello' })
    }
  })
})

describe('an answer', () => {
  test('over the limit is cut off', async () => {
    answer = () => new Response('x'.repeat(2_000_000))
    const response = await guardedFetch(egress, at('one.example'), REQUEST)

    await expect(textOf(response)).rejects.toMatchObject({ code: 'source_too_large' })
  })

  test('that does not come is given up', async () => {
    answer = () => new Promise(() => undefined)

    await expect(guardedFetch(egress, at('one.example'), { ...REQUEST, stall: 200 })).rejects.toMatchObject({
      code: 'source_timeout',
    })
  })

  test('that stops in the middle is given up', async () => {
    answer = () =>
      new Response(
        new ReadableStream({
          pull: async (controller) => {
            controller.enqueue(new Uint8Array(10))
            await Bun.sleep(60_000)
          },
        }),
      )
    const response = await guardedFetch(egress, at('one.example'), { ...REQUEST, stall: 200 })

    await expect(textOf(response)).rejects.toMatchObject({ code: 'source_timeout' })
  })

  test('may be read slowly', async () => {
    answer = () => new Response('x'.repeat(900_000))
    const response = await guardedFetch(egress, at('one.example'), { ...REQUEST, stall: 150 })
    let size = 0
    for await (const chunk of response.body) {
      if (size === 0) await Bun.sleep(400)
      size += chunk.length
    }

    expect(size).toBe(900_000)
  })
})

describe('https', () => {
  test('verifies the certificate and its name although an address is dialled', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'repertoire-tls-'))
    const [key, cert] = [join(directory, 'key'), join(directory, 'cert')]
    await Bun.$`openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=one.example -addext subjectAltName=DNS:one.example -keyout ${key} -out ${cert}`.quiet()
    const secure = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') },
      fetch: () => new Response('safe'),
    })
    const script = join(directory, 'ask.ts')
    const module = (name: string): string => JSON.stringify(join(import.meta.dir, name))
    await Bun.write(
      script,
      `import { createEgress } from ${module('egress.ts')}
import { guardedFetch } from ${module('guarded-fetch.ts')}
const egress = createEgress({ allow: ['127.0.0.1'], resolve: async () => ['127.0.0.1'] })
for (const host of ['one.example', 'two.example']) {
  try {
    const response = await guardedFetch(egress, 'https://' + host + ':${secure.port}/', { redirects: 0, maxBytes: 100, stall: 2000 })
    console.log(host, Buffer.concat(await Array.fromAsync(response.body)).toString())
  } catch (error) { console.log(host, error.details.problem) }
}`,
    )

    const trusting = await Bun.$`${process.execPath} ${script}`.env({ ...process.env, NODE_EXTRA_CA_CERTS: cert }).text()
    const distrusting = await Bun.$`${process.execPath} ${script}`.env({ ...process.env, NODE_EXTRA_CA_CERTS: '' }).text()

    expect(trusting).toBe('one.example safe\ntwo.example two.example: ERR_TLS_CERT_ALTNAME_INVALID\n')
    expect(distrusting).toMatch(/^one\.example one\.example: \w*SELF_SIGNED\w*\n/)
    await secure.stop(true)
    await rm(directory, { recursive: true })
  })
})
