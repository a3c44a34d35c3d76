import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { createEgress } from './egress.ts'
import { openEgressTunnel, type EgressTunnel } from './egress-tunnel.ts'

let echo: Server
let port: number
let tunnel: EgressTunnel
const sockets = new Set<Socket>()

beforeEach(async () => {
  echo = createServer((socket) => void socket.on('error', () => {}).pipe(socket))
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve))
  port = (echo.address() as { port: number }).port
})

afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  tunnel.close()
  echo.close()
})

async function open(mode: 'connect' | 'forward', allow = ['127.0.0.1']): Promise<void> {
  tunnel = await openEgressTunnel(createEgress({ allow }), { host: '127.0.0.1', port, mode }, 5_000)
}

function proof(password = tunnel.password): string {
  return `Proxy-Authorization: Basic ${Buffer.from(`${tunnel.user}:${password}`).toString('base64')}\r\n`
}

/** Sends the texts one after the other, each when something was answered to the one before, and returns all answers. */
async function talk(...texts: string[]): Promise<string[]> {
  const socket = connect(tunnel.port, '127.0.0.1')
  sockets.add(socket)
  const answers: string[] = []
  for (const text of texts) {
    socket.write(text)
    const answer = await new Promise<string>((resolve) => {
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      socket.once('close', () => resolve(''))
      socket.once('error', () => resolve(''))
    })
    answers.push(answer.split('\r\n')[0] ?? '')
  }
  return answers
}

describe('abuse 30: a proxy for one destination', () => {
  test('asks for the password on the same connection, then leads through and counts', async () => {
    await open('connect')
    const line = `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n`

    const answers = await talk(`${line}\r\n`, `${line}${proof()}\r\n`, 'hello')

    expect(answers).toEqual(['HTTP/1.1 407 Proxy Authentication Required', 'HTTP/1.1 200 Connection established', 'hello'])
    expect(tunnel.received).toBe(5)
    expect(tunnel.failure).toBeNull()
  })

  test('refuses a wrong password, another destination, and what is no CONNECT', async () => {
    await open('connect')
    const line = `CONNECT 127.0.0.1:${port} HTTP/1.1\r\n`

    expect(await talk(`${line}${proof('wrong')}\r\n`)).toEqual(['HTTP/1.1 407 Proxy Authentication Required'])
    expect(await talk(`CONNECT 127.0.0.1:${port + 1} HTTP/1.1\r\n${proof()}\r\n`)).toEqual(['HTTP/1.1 403 Forbidden'])
    expect(tunnel.failure).toMatchObject({ code: 'egress_blocked', details: { rule: 'other_host' } })
    expect(await talk(`GET http://127.0.0.1:${port}/ HTTP/1.1\r\n${proof()}\r\n`)).toEqual(['HTTP/1.1 403 Forbidden'])
    expect(await talk('x'.repeat(20_000))).toEqual(['HTTP/1.1 403 Forbidden'])
  })

  test('the guard judges the destination, and its refusal is kept', async () => {
    await open('connect', [])

    const answers = await talk(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n${proof()}\r\n`)

    expect(answers).toEqual(['HTTP/1.1 502 Bad Gateway'])
    expect(tunnel.failure).toMatchObject({ code: 'egress_blocked' })
  })

  test('a forward stands in for its destination', async () => {
    await open('forward')

    expect(await talk('hello')).toEqual(['hello'])
    expect(tunnel.received).toBe(5)
  })

  test('nothing is left when it is closed', async () => {
    await open('forward')
    await talk('hello')

    tunnel.close()

    expect(await talk('hello')).toEqual([''])
  })
})
