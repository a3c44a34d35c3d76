import { expect, test } from 'bun:test'
import { connect } from 'node:net'
import { streamRemote } from './remote-body.ts'

const MiB = 1024 * 1024
const SIZE = 256 * MiB

test('a client that reads slowly makes the server read slowly, and one that leaves makes it stop', async () => {
  let read = 0
  const body = {
    size: SIZE,
    read: async (_: number, length: number) => {
      read += length
      return new Uint8Array(length)
    },
  }
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: () => new Response(streamRemote(body, { start: 0, end: SIZE })),
  })
  const socket = connect(server.port ?? 0, '127.0.0.1')
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')

  await Bun.sleep(400)
  const whileWaiting = read
  socket.destroy()
  await Bun.sleep(200)
  const afterLeaving = read
  await server.stop(true)

  expect(whileWaiting).toBeGreaterThan(0)
  expect(whileWaiting).toBeLessThan(32 * MiB)
  expect(afterLeaving).toBeLessThan(whileWaiting + 4 * MiB)
})
