/** Clients that open connections and then do as little as possible. */
import { afterEach, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { buildPackage, buildToken } from '../kit/build.ts'
import { basic, createTestServer } from '../kit/http.ts'

const sockets = new Set<Socket>()

afterEach(() => {
  for (const socket of sockets) {
    socket.destroy()
  }
  sockets.clear()
})

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

test('abuse 51 a thousand clients that drip bytes or half-close are ended in bounded time, and others are served meanwhile', async () => {
  const { app, listening } = await createTestServer()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const { secret: token } = await buildToken(app, organization)
  const authorization = basic('token', token)
  await listening(async (url, port) => {
    const post = `POST /acme/downloads HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n`
    const openings = [
      '',
      'G',
      'GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
      `${post}Content-Length: 5000\r\n\r\n{`,
      `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n`,
    ]
    const started = performance.now()
    const closings: Promise<number>[] = []
    for (let index = 0; index < 1_000; index += 1) {
      const socket = await open(port, openings[index % openings.length] ?? '')
      socket.on('error', () => {})
      closings.push(
        new Promise((resolve) => {
          socket.on('close', () => resolve(performance.now() - started))
          socket.on('end', () => socket.destroy())
        }),
      )
      socket.resume()
      if (index % 10 === 9) {
        socket.end()
      }
    }
    let ended = false
    const drip = setInterval(() => {
      for (const [index, socket] of [...sockets].entries()) {
        if (index % 5 !== 0 && socket.writable) {
          socket.write(index % 5 === 4 ? '1\r\n \r\n' : 'a')
        }
      }
    }, 1_000)
    const served = serveMeanwhile(url, authorization, () => ended)
    const times = await Promise.all(closings)
    ended = true
    clearInterval(drip)
    const { slowest, statuses } = await served

    expect(statuses).toEqual(new Set([200]))
    expect(slowest).toBeLessThan(1_000)
    expect(Math.max(...times)).toBeLessThan(45_000)
  })
  expect(app.warnings).toEqual([])
}, 60_000)

async function serveMeanwhile(url: string, authorization: string, hasEnded: () => boolean) {
  const statuses = new Set<number>()
  let slowest = 0
  while (!hasEnded()) {
    const started = performance.now()
    const response = await fetch(`${url}/acme/p2/acme/http.json`, { headers: { Authorization: authorization } })
    await response.bytes()
    statuses.add(response.status)
    slowest = Math.max(slowest, performance.now() - started)
    await Bun.sleep(50)
  }
  return { statuses, slowest }
}
