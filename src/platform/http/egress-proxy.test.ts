import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createEgress } from './egress.ts'
import { EgressProxy } from './egress-proxy.ts'

let echo: Server
let port: number
let proxy: EgressProxy

beforeEach(async () => {
  echo = createServer((socket) => socket.pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  port = (echo.address() as { port: number }).port
  proxy = await EgressProxy.start(createEgress({ allow: ['127.0.0.1'], resolve: async () => ['127.0.0.1'] }))
})

afterEach(() => {
  proxy.close()
  echo.close()
})

function userAndPassword(url: string): Uint8Array {
  const { username, password } = new URL(url)
  return Buffer.concat([
    Uint8Array.of(1, username.length),
    Buffer.from(username),
    Uint8Array.of(password.length),
    Buffer.from(password),
  ])
}

function request(host: string, to: number, command = 1): Uint8Array {
  return Buffer.concat([Uint8Array.of(5, command, 0, 3, host.length), Buffer.from(host), Uint8Array.of(to >> 8, to & 255)])
}

/** Sends the parts one after the other and returns all that came back until the end or `quiet` milliseconds. */
async function talk(url: string, parts: Uint8Array[], quiet = 300): Promise<Buffer> {
  const socket: Socket = connect({ host: '127.0.0.1', port: Number(new URL(url.replace('socks5h', 'http')).port) })
  const received: Buffer[] = []
  socket.on('data', (chunk) => received.push(chunk as Buffer))
  socket.on('error', () => undefined)
  for (const part of parts) {
    socket.write(part)
    await Bun.sleep(20)
  }
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), Bun.sleep(quiet)])
  socket.destroy()
  return Buffer.concat(received)
}

const HELLO = Uint8Array.of(5, 1, 2)
const ACCEPTED = [5, 2, 1, 0]
const CONNECTED = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

describe('the proxy', () => {
  test('connects a session to its destination, resolves the name itself and counts the bytes', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)

    const answer = await talk(session.url, [
      HELLO,
      userAndPassword(session.url),
      request('Git.Example', port),
      Buffer.from('hello'),
    ])

    expect([...answer]).toEqual([...ACCEPTED, ...CONNECTED, ...Buffer.from('hello')])
    expect(session.received).toBe(5)
  })

  test('takes the handshake in pieces and together with the first bytes', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)
    const all = Buffer.concat([HELLO, userAndPassword(session.url), request('git.example', port), Buffer.from('early')])

    const pieces = Array.from({ length: Math.ceil(all.length / 5) }, (_, index) => all.subarray(index * 5, index * 5 + 5))

    expect((await talk(session.url, [all])).toString('latin1')).toEndWith('early')
    expect((await talk(session.url, pieces)).toString('latin1')).toEndWith('early')
  })

  test('refuses whoever does not know the password, also after the session', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)
    const wrong = session.url.replace(/:[0-9a-f]{48}@/, `:${'0'.repeat(48)}@`)

    expect([...(await talk(session.url, [HELLO, userAndPassword(wrong)]))]).toEqual([5, 2, 1, 1])
    expect([...(await talk(session.url, [Uint8Array.of(5, 1, 0)]))]).toEqual([5, 255])
    session.close()
    expect([...(await talk(session.url, [HELLO, userAndPassword(session.url)]))]).toEqual([5, 2, 1, 1])
  })

  test('reaches no other host or port than the session is for', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)

    for (const other of [request('other.example', port), request('git.example', port + 1), request('127.0.0.1', port)]) {
      const answer = await talk(session.url, [HELLO, userAndPassword(session.url), other])
      expect([...answer].slice(4, 6)).toEqual([5, 2])
      expect(session.failure).toMatchObject({ code: 'egress_blocked', details: { rule: 'other_host' } })
    }
  })

  test('refuses to listen or to relay datagrams', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)
    for (const command of [2, 3]) {
      const answer = await talk(session.url, [HELLO, userAndPassword(session.url), request('git.example', port, command)])
      expect([...answer].slice(4, 6)).toEqual([5, 7])
    }
  })

  test('abuse 30: judges the address that the name has now', async () => {
    const closed = await EgressProxy.start(createEgress({ allow: [], resolve: async () => ['127.0.0.1', '::ffff:10.0.0.1'] }))
    const session = closed.openSession({ host: 'git.example', port }, 5000)

    const answer = await talk(session.url, [HELLO, userAndPassword(session.url), request('git.example', port)])

    expect([...answer].slice(4, 6)).toEqual([5, 2])
    expect(session.failure).toMatchObject({ code: 'egress_blocked' })
    closed.close()
  })

  test('ends a connection that is silent for too long, and all when it closes', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 100)
    const startedAt = performance.now()

    await talk(session.url, [HELLO, userAndPassword(session.url), request('git.example', port)], 5000)

    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  test('survives clients that send nonsense or leave in the middle', async () => {
    const session = proxy.openSession({ host: 'git.example', port }, 5000)
    for (const nonsense of [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Uint8Array.of(5, 0),
      Uint8Array.of(4, 1),
      Uint8Array.of(5, 255, 2),
    ]) {
      await talk(session.url, [nonsense], 50)
    }

    const answer = await talk(session.url, [HELLO, userAndPassword(session.url), request('git.example', port), Buffer.from('x')])

    expect(answer.toString('latin1')).toEndWith('x')
  })
})
