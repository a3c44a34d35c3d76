/** Abuse case 46 over real sockets: bodies that are too large, do not end, or are not ours. */
import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { listReceipts } from '../../src/core/hooks/index.ts'
import { createHookSource } from '../kit/hook-source.ts'
import { createTestServer } from '../kit/http.ts'

const MB = 1024 * 1024
const LIMIT = 25 * MB

async function listeningHook(work: (hook: Awaited<ReturnType<typeof start>> & { url: string; port: number }) => Promise<void>) {
  const started = await start()
  await started.http.listening((base, port) => work({ ...started, port, url: `${base}/webhooks/github/${started.uid}` }))
}

async function start() {
  const hooked = await createHookSource()
  hooked.app.leaveJobs()
  return { ...hooked, uid: (await hooked.source()).uid, http: await createTestServer({ app: hooked.app }) }
}

function signed(secret: string, body: Uint8Array): Record<string, string> {
  return {
    'X-GitHub-Event': 'push',
    'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }
}

function streamOf(parts: number, part: Uint8Array): ReadableStream<Uint8Array> {
  let sent = 0
  return new ReadableStream({
    pull(controller) {
      if (sent === parts) {
        controller.close()
        return
      }
      sent += 1
      controller.enqueue(part)
    },
  })
}

/** Sends text and returns what comes back until the first full head and body arrived or the other side closes. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.setTimeout(5_000, () => reject(new Error(`No answer came: ${answer}`)))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
    socket.on('data', (data) => {
      answer += data.toString()
      if (answer.includes('"}')) {
        socket.destroy()
      }
    })
  })
}

test('abuse 46: a body of 25 MB is accepted, one byte more is refused', async () => {
  await listeningHook(async ({ url, hook, app, source }) => {
    const largest = new Uint8Array(LIMIT).fill(0x20)
    const tooLarge = new Uint8Array(LIMIT + 1).fill(0x20)

    const accepted = await fetch(url, { method: 'POST', headers: signed(hook.secret, largest), body: largest })
    const refused = await fetch(url, { method: 'POST', headers: signed(hook.secret, tooLarge), body: tooLarge })

    expect([accepted.status, await accepted.json()]).toEqual([200, { message: 'Sync dispatched.' }])
    expect([refused.status, await refused.json()]).toEqual([413, { message: `The request body is over ${LIMIT} bytes.` }])
    const { items } = await listReceipts(app.ctx(), await source(), { limit: 10, after: null })
    expect(items.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['refused', 'body_too_large'],
      ['accepted', null],
    ])
  })
})

test('abuse 46: a body that announces too much is refused before any of it was sent', async () => {
  await listeningHook(async ({ port, uid }) => {
    const head = (length: number) =>
      `POST /webhooks/github/${uid} HTTP/1.1\r\nHost: localhost\r\nX-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=${'0'.repeat(64)}\r\nContent-Length: ${length}\r\n\r\n`

    expect(await exchange(port, head(LIMIT + 1))).toStartWith('HTTP/1.1 413')
    expect(await exchange(port, head(100 * MB))).toStartWith('HTTP/1.1 413')
  })
})

test('abuse 46: a body without an announced length is counted while it arrives', async () => {
  await listeningHook(async ({ url, hook }) => {
    const part = new Uint8Array(MB).fill(0x20)
    const send = (parts: number, headers: Record<string, string>) =>
      fetch(url, { method: 'POST', headers, body: streamOf(parts, part) }).then(
        ({ status }) => status,
        () => 'closed',
      )

    expect(await send(3, signed(hook.secret, new Uint8Array(3 * MB).fill(0x20)))).toBe(200)
    expect([413, 'closed']).toContain(await send(40, signed(hook.secret, new Uint8Array())))
  })
})

test('abuse 46: without a proof, or to an unknown source, no body is waited for', async () => {
  await listeningHook(async ({ port, uid }) => {
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${20 * MB}\r\n\r\n`

    expect(await exchange(port, head(`/webhooks/github/${uid}`))).toStartWith('HTTP/1.1 403')
    expect(await exchange(port, head(`/webhooks/gitlab/${uid}`))).toStartWith('HTTP/1.1 403')
    expect(await exchange(port, head(`/webhooks/git/${uid}?token=wrong`))).toStartWith('HTTP/1.1 403')
    expect(await exchange(port, head('/webhooks/github/0195f3a0-0000-7000-8000-000000000000'))).toStartWith('HTTP/1.1 404')
  })
})

test('abuse 46: large bodies do not stay in memory', async () => {
  await listeningHook(async ({ url, hook }) => {
    const body = new Uint8Array(24 * MB).fill(0x20)
    const headers = signed(hook.secret, body)
    const send = () => fetch(url, { method: 'POST', headers, body }).then(({ status }) => status)
    await send()
    Bun.gc(true)
    const before = process.memoryUsage.rss()

    for (let round = 0; round < 10; round += 1) {
      expect(await send()).toBe(200)
    }

    Bun.gc(true)
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * MB)
  })
})
