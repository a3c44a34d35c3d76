/** Subversion and Mercurial over the network: secrets, the guard, and servers that misbehave. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { GitCredential } from '../../src/core/kernel/ports.ts'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createHgRepository, type HgTestRepository } from '../kit/hg-repository.ts'
import { findFreePort, type SshDaemon, startSshDaemon, waitForPort } from '../kit/ssh-daemon.ts'
import { createSvnRepository, runTool, type SvnTestRepository } from '../kit/svn-repository.ts'
import { filesText, recordCommandLines } from '../kit/traces.ts'

const CANARY = `canary-${crypto.randomUUID()}`
const BASIC = `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`
const MANIFEST = JSON.stringify({ name: 'acme/net' })

let kit: GitKit
const ending: (() => Promise<unknown> | void)[] = []

beforeEach(async () => {
  kit = await createGitKit()
})

afterEach(async () => {
  for (const end of ending.toReversed()) await end()
  ending.length = 0
  await kit.dispose()
})

function basic(origin: string, password = CANARY): GitCredential {
  return { kind: 'basic', origin, username: 'user', password }
}

async function refsOf(): Promise<string[]> {
  return (await kit.git.listRefs('one', 100)).refs.map(({ kind, name }) => `${kind} ${name}`)
}

async function codeOf(fetching: Promise<void>): Promise<string> {
  const failure = await fetching.then(
    () => null,
    (error: unknown) => error as { code?: string },
  )
  return failure?.code ?? 'none'
}

async function expectNoTrace(commandLines: string, program: string): Promise<void> {
  expect(commandLines).toContain(program)
  expect(await readdir(kit.temporary)).toEqual([])
  const encoded = Buffer.from(`user:${CANARY}`).toString('base64')
  for (const text of [commandLines, await filesText(kit.root), kit.logged.join('\n')]) {
    expect(text).not.toContain(CANARY)
    expect(text).not.toContain(encoded)
  }
  expect(kit.redacted).toContain(CANARY)
}

async function svnRepository(): Promise<SvnTestRepository> {
  const repository = await createSvnRepository()
  ending.push(() => repository.remove())
  await repository.commit({ 'trunk/composer.json': MANIFEST })
  await repository.copy('trunk', 'tags/1.0')
  return repository
}

async function hgRepository(): Promise<HgTestRepository> {
  const repository = await createHgRepository()
  ending.push(() => repository.remove())
  await repository.commit({ 'composer.json': MANIFEST })
  await repository.hg('tag', '1.0')
  await repository.hg('bookmark', 'mark')
  return repository
}

function start(...line: string[]): void {
  const child = Bun.spawn(line, { stdout: 'ignore', stderr: 'ignore', env: { PATH: process.env['PATH'] ?? '', HGRCPATH: '' } })
  ending.push(async () => {
    child.kill()
    await child.exited
  })
}

async function svnserve(repository: SvnTestRepository): Promise<{ url: string; origin: string }> {
  const port = await findFreePort()
  const conf = join(repository.directory, 'conf')
  await writeFile(join(conf, 'svnserve.conf'), '[general]\nanon-access = none\nauth-access = read\npassword-db = passwd\n')
  await writeFile(join(conf, 'passwd'), `[users]\nuser = ${CANARY}\n`)
  start('svnserve', '-d', '--foreground', '-r', repository.directory, '--listen-host', '127.0.0.1', '--listen-port', String(port))
  await waitForPort(port)
  return { url: `svn://127.0.0.1:${port}/`, origin: `svn://127.0.0.1:${port}` }
}

describe('svn://', () => {
  test('a server may be a repository itself', async () => {
    const { origin } = await svnserve(await svnRepository())

    await kit.fetch(origin, { vcs: 'svn', credential: basic(origin) })

    expect(await refsOf()).toEqual(['branch trunk', 'tag 1.0'])
  })

  async function serve(): Promise<{ url: string; origin: string }> {
    const repository = await svnRepository()
    await runTool('/', [
      'svn',
      'move',
      '-q',
      '-m',
      'x',
      `${repository.url}/trunk`,
      `${repository.url}/tags`,
      '--parents',
      `${repository.url}/acme`,
    ])
    const { origin } = await svnserve(repository)
    return { url: `${origin}/acme`, origin }
  }

  test('abuse 64: a password works, and leaves no trace', async () => {
    const { url, origin } = await serve()

    const commandLines = await recordCommandLines(() => kit.fetch(url, { vcs: 'svn', credential: basic(origin) }))

    expect(await refsOf()).toEqual(['branch trunk', 'tag 1.0'])
    await expectNoTrace(commandLines, 'svn\0info')
  })

  test('a wrong password or none is refused, and a password for elsewhere is not sent', async () => {
    const { url, origin } = await serve()

    expect(await codeOf(kit.fetch(url, { vcs: 'svn', credential: basic(origin, 'wrong') }))).toBe('source_refused')
    expect(await codeOf(kit.fetch(url, { vcs: 'svn' }))).toBe('source_refused')
    expect(await codeOf(kit.fetch(url, { vcs: 'svn', credential: basic('svn://127.0.0.1') }))).toBe('credential_origin')
    expect(await readdir(kit.root)).toEqual([])
  })

  test('abuse 30: an address that the guard closes is never dialled', async () => {
    const closed = await createGitKit({ allow: [] })
    const { url } = await serve()
    try {
      expect(await codeOf(closed.fetch(url, { vcs: 'svn' }))).toBe('egress_blocked')
      expect(await codeOf(closed.fetch('https://127.0.0.1/x', { vcs: 'hg' }))).toBe('egress_blocked')
      expect(await codeOf(closed.fetch('ssh://127.0.0.1/x', { vcs: 'hg' }))).toBe('egress_blocked')
      expect(await codeOf(closed.fetch('svn+ssh://127.0.0.1/x', { vcs: 'svn' }))).toBe('egress_blocked')
    } finally {
      await closed.dispose()
    }
  })
})

describe('abuse 9: a server that misbehaves', () => {
  async function listen(behave: Parameters<typeof createServer>[1]): Promise<number> {
    const server: Server = createServer(behave)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ending.push(() => void server.close())
    return (server.address() as { port: number }).port
  }

  test('silence, and a byte now and then, end with the stall limit', async () => {
    const silent = await listen((socket) => void socket.on('error', () => {}))
    const slow = await listen((socket) => {
      const timer = setInterval(() => socket.write('('), 100)
      socket.on('error', () => {}).once('close', () => clearInterval(timer))
    })
    const limits = { stall: 1000 }

    expect(await codeOf(kit.fetch(`svn://127.0.0.1:${silent}/a`, { vcs: 'svn', limits }))).toBe('source_timeout')
    expect(await codeOf(kit.fetch(`svn://127.0.0.1:${slow}/a`, { vcs: 'svn', limits }))).toBe('source_timeout')
    expect(await codeOf(kit.fetch(`https://127.0.0.1:${silent}/a`, { vcs: 'hg', limits }))).toBe('source_timeout')
    expect(await codeOf(kit.fetch(`https://127.0.0.1:${silent}/a`, { vcs: 'svn', limits }))).toBe('source_timeout')
    expect(await readdir(kit.root)).toEqual([])
  })

  test('a fetch that goes on and on ends with the duration limit', async () => {
    const busy = await listen((socket) => {
      const timer = setInterval(() => socket.write('( '.repeat(2000)), 50)
      socket.on('error', () => {}).once('close', () => clearInterval(timer))
    })

    expect(await codeOf(kit.fetch(`svn://127.0.0.1:${busy}/a`, { vcs: 'svn', limits: { duration: 1500 } }))).toMatch(
      /source_(timeout|unreachable|invalid)/,
    )
  })

  test('nobody there, and another program there, are unreachable', async () => {
    const rude = await listen((socket) => void socket.end('HTTP/1.0 400 Bad Request\r\n\r\n'))
    const nobody = await findFreePort()

    expect(await codeOf(kit.fetch(`svn://127.0.0.1:${nobody}/a`, { vcs: 'svn' }))).toBe('source_unreachable')
    expect(await codeOf(kit.fetch(`https://127.0.0.1:${nobody}/a`, { vcs: 'hg' }))).toBe('source_unreachable')
    expect(await codeOf(kit.fetch(`https://127.0.0.1:${rude}/a`, { vcs: 'hg' }))).toBe('source_unreachable')
    expect(await codeOf(kit.fetch(`svn://127.0.0.1:${rude}/a`, { vcs: 'svn' }))).toMatch(/source_(unreachable|invalid)/)
  })
})

describe('https', () => {
  const before = process.env['SSL_CERT_FILE']

  afterEach(() => {
    if (before === undefined) delete process.env['SSL_CERT_FILE']
    else process.env['SSL_CERT_FILE'] = before
  })

  /** A TLS front with Basic authentication before another server; its certificate is trusted unless said otherwise. */
  async function startFront(target: string | null, trusted = true): Promise<{ origin: string; seen: string[] }> {
    const certificate = join(kit.root, '.certificate.pem')
    const key = join(kit.root, '.key.pem')
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    await runTool('/', [
      'openssl',
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      key,
      '-out',
      certificate,
      ...subject,
    ])
    if (trusted) process.env['SSL_CERT_FILE'] = certificate
    const seen: string[] = []
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      tls: { cert: await readFile(certificate, 'utf8'), key: await readFile(key, 'utf8') },
      fetch: async (request) => {
        seen.push(request.headers.get('authorization') ?? 'none')
        if (request.headers.get('authorization') !== BASIC) {
          return new Response('who are you?', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="test"' } })
        }
        if (target?.startsWith('https:') === true) return new Response(null, { status: 301, headers: { Location: target } })
        if (target === null) return new Response('no', { status: 403 })
        const { pathname, search } = new URL(request.url)
        const headers = new Headers(request.headers)
        headers.delete('authorization')
        const answer = await fetch(`${target}${pathname.replace(/^\/acme/, '') || '/'}${search}`, {
          method: request.method,
          headers,
          body: request.method === 'GET' ? null : await request.bytes(),
        })
        return new Response(await answer.bytes(), { status: answer.status, headers: answer.headers })
      },
    })
    ending.push(() => server.stop(true))
    return { origin: `https://127.0.0.1:${server.port}`, seen }
  }

  async function startHg(): Promise<string> {
    const repository = await hgRepository()
    const port = await findFreePort()
    start('hg', 'serve', '-R', repository.directory, '-a', '127.0.0.1', '-p', String(port), '--config', 'web.allow_push=')
    await waitForPort(port)
    return `http://127.0.0.1:${port}`
  }

  test('abuse 64: Mercurial with a password works through the guard, and leaves no trace', async () => {
    const { origin, seen } = await startFront(await startHg())

    const commandLines = await recordCommandLines(() => kit.fetch(`${origin}/acme`, { vcs: 'hg', credential: basic(origin) }))

    expect(await refsOf()).toEqual(['branch default', 'branch mark', 'tag 1.0'])
    expect(seen).toContain(BASIC)
    await expectNoTrace(commandLines, 'pull\0--quiet')
  })

  test('Mercurial with a wrong password, none, or an unknown certificate is turned away', async () => {
    const { origin } = await startFront(await startHg())

    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'hg', credential: basic(origin, 'wrong') }))).toBe('source_refused')
    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'hg' }))).toBe('source_refused')
    delete process.env['SSL_CERT_FILE']
    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'hg', credential: basic(origin) }))).toBe('source_unreachable')
  })

  test('abuse 64: Subversion presents its password through the guard to the host it is for, and leaves no trace', async () => {
    const { origin, seen } = await startFront(null)

    const commandLines = await recordCommandLines(async () => {
      expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'svn', credential: basic(origin) }))).toBe('source_refused')
    })

    expect(seen).toEqual(['none', BASIC])
    await expectNoTrace(commandLines, 'svn\0info')
  })

  test('abuse 13: a repository that moved to another host is not followed there', async () => {
    const { origin } = await startFront('https://other.example.org/acme')

    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'svn', credential: basic(origin) }))).toBe('egress_blocked')
    // Mercurial comes to the proxy without its password and gets no further.
    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'hg', credential: basic(origin) }))).toBe('source_unreachable')
    expect(await readdir(kit.temporary)).toEqual([])
  })

  test('Subversion does not trust an unknown certificate', async () => {
    const { origin, seen } = await startFront(null, false)

    expect(await codeOf(kit.fetch(`${origin}/acme`, { vcs: 'svn', credential: basic(origin) }))).toBe('source_unreachable')
    expect(seen).toEqual([])
  })
})

describe('ssh', () => {
  let daemon: SshDaemon

  beforeEach(async () => {
    daemon = await startSshDaemon()
    ending.push(() => daemon.stop())
  })

  function key(): GitCredential {
    return { kind: 'ssh_key', origin: `ssh://127.0.0.1:${daemon.port}`, privateKey: daemon.privateKey }
  }

  test('Subversion and Mercurial are read with a key', async () => {
    const [svn, hg] = [await svnRepository(), await hgRepository()]
    const host = `${daemon.user}@127.0.0.1:${daemon.port}`

    await kit.fetch(`svn+ssh://${host}${svn.directory}`, { vcs: 'svn', credential: key() })
    expect(await refsOf()).toEqual(['branch trunk', 'tag 1.0'])

    await kit.fetch(`ssh://${host}/${hg.directory}`, { mirror: 'two', vcs: 'hg', credential: key() })
    expect((await kit.git.listRefs('two', 10)).refs.map(({ name }) => name)).toEqual(['default', 'mark', '1.0'])
    expect(await filesText(kit.root)).not.toContain('PRIVATE KEY')
  })

  test('no key is refused', async () => {
    const host = `${daemon.user}@127.0.0.1:${daemon.port}`

    expect(await codeOf(kit.fetch(`svn+ssh://${host}/x`, { vcs: 'svn' }))).toBe('source_refused')
    expect(await codeOf(kit.fetch(`ssh://${host}/x`, { vcs: 'hg' }))).toBe('source_refused')
  })
})
