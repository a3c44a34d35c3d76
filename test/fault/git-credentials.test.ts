import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GitCredential } from '../../src/core/kernel/ports.ts'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { type GitServer, startGitServer } from '../kit/git-server.ts'

const CANARY = `canary-${crypto.randomUUID()}`
const BASIC = `Basic ${Buffer.from(`user:${CANARY}`).toString('base64')}`
const BEARER = `Bearer ${CANARY}`

let kit: GitKit
let source: TestRepository
let server: GitServer

beforeEach(async () => {
  kit = await createGitKit()
  source = await createTestRepository()
  server = await startGitServer(source.directory)
  const [commit = ''] = await source.commit({ files: { 'composer.json': '{}' } })
  await source.setRefs({ 'refs/heads/main': commit })
})

afterEach(async () => {
  await server.stop()
  await kit.dispose()
  await source.remove()
})

function basic(origin = server.origin): GitCredential {
  return { kind: 'basic', origin, username: 'user', password: CANARY }
}

function bearer(origin = server.origin): GitCredential {
  return { kind: 'bearer', origin, token: CANARY }
}

async function expectFetched(): Promise<void> {
  expect((await kit.git.listRefs('one', 10)).refs.map((ref) => ref.name)).toEqual(['main'])
}

/** Collects the command lines of all processes of the machine while `work` runs. */
async function recordCommandLines(work: () => Promise<void>): Promise<string> {
  const seen = new Set<string>()
  const sample = async (): Promise<void> => {
    for (const pid of await readdir('/proc')) {
      if (/^\d+$/.test(pid)) seen.add(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''))
    }
  }
  let isDone = false
  const sampling = (async () => {
    while (!isDone) await sample()
  })()
  await work().finally(() => {
    isDone = true
  })
  await sampling
  return [...seen].join('\n')
}

async function filesText(directory: string): Promise<string> {
  const names = [...new Bun.Glob('**/*').scanSync({ cwd: directory, dot: true })]
  return (await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1')))).join('\n')
}

/** Everything that others can see: process lists, the mirror, the log, errors. */
async function expectNoTrace(commandLines: string, secret: string): Promise<void> {
  expect(commandLines).toContain('ls-remote')
  const lines = secret.split('\n').filter((line) => line.length > 20 && !line.startsWith('-----'))
  const places = {
    commandLines,
    mirror: await filesText(kit.root),
    log: kit.logged.join('\n'),
    temporary: await filesText(kit.temporary),
  }
  for (const text of Object.values(places)) {
    for (const line of [...lines, Buffer.from(`user:${secret}`).toString('base64')]) expect(text).not.toContain(line)
  }
}

describe('abuse 64: a secret leaves no trace', () => {
  test('of a user and password', async () => {
    server.behaviour.authorization = BASIC

    const commandLines = await recordCommandLines(() => kit.fetch(server.url, { credential: basic() }))

    await expectFetched()
    await expectNoTrace(commandLines, CANARY)
    expect(commandLines).not.toContain('socks5')
    expect(kit.redacted).toContain(CANARY)
  })

  test('of a bearer token', async () => {
    server.behaviour.authorization = BEARER

    const commandLines = await recordCommandLines(() => kit.fetch(server.url, { credential: bearer() }))

    await expectFetched()
    await expectNoTrace(commandLines, CANARY)
  })

  test('when it is refused', async () => {
    server.behaviour.authorization = 'Basic something-else'

    for (const credential of [basic(), bearer()]) {
      const failure: unknown = await kit.fetch(server.url, { credential }).then(
        () => null,
        (error: unknown) => error,
      )
      expect(failure).toMatchObject({ code: 'source_refused' })
      expect(Bun.inspect(failure)).not.toContain(CANARY)
    }
    expect(kit.logged.join('\n')).not.toContain(CANARY)
  })

  test('when the password has quotes, dollars and letters of other scripts', async () => {
    const password = `a'"$(touch x)\`b\` %s \\n ß日本`
    server.behaviour.authorization = `Basic ${Buffer.from(`us:er@x:${password}`).toString('base64')}`

    await kit.fetch(server.url, { credential: { kind: 'basic', origin: server.origin, username: 'us:er@x', password } })

    await expectFetched()
  })
})

describe('abuse 31: a credential goes to its origin only', () => {
  test('a credential of another origin is refused before anything is asked', async () => {
    for (const origin of ['http://127.0.0.1', 'https://example.org', `${server.origin}0`]) {
      await expect(kit.fetch(server.url, { credential: basic(origin) })).rejects.toMatchObject({
        code: 'credential_origin',
        details: { origin },
      })
    }
    expect(server.requests).toEqual([])
  })

  test('a realm elsewhere changes nothing', async () => {
    server.behaviour.authorization = BASIC
    server.behaviour.challenge = 'Bearer realm="https://elsewhere.example/token", Basic realm="https://elsewhere.example"'

    await kit.fetch(server.url, { credential: basic() })

    await expectFetched()
  })

  test.each([
    ['user and password', basic],
    ['bearer token', bearer],
  ])('a redirect to another host does not carry the %s along', async (_, credential) => {
    const other = await startGitServer(source.directory)
    server.behaviour.redirect = (path) => `${other.origin}${path}?service=git-upload-pack`

    try {
      await expect(kit.fetch(server.url, { credential: credential() })).rejects.toMatchObject({ code: 'source_moved' })
      expect(other.requests).toEqual([])
    } finally {
      await other.stop()
    }
  })

  test('a kind that does not fit the scheme is refused', async () => {
    const key: GitCredential = { kind: 'ssh_key', origin: server.origin, privateKey: 'x' }
    await expect(kit.fetch(server.url, { credential: key })).rejects.toMatchObject({ code: 'source_refused' })
    await expect(kit.fetch('git@127.0.0.1:x', { credential: basic('ssh://127.0.0.1') })).rejects.toMatchObject({
      code: 'source_refused',
    })
  })

  test('a token with a line break cannot add a header', async () => {
    const credential: GitCredential = { kind: 'bearer', origin: server.origin, token: 'a\r\nX-Evil: 1' }
    await expect(kit.fetch(server.url, { credential })).rejects.toMatchObject({ code: 'source_refused' })
    expect(server.requests).toEqual([])
  })
})

describe('ssh', () => {
  let daemon: SshDaemon

  beforeEach(async () => {
    daemon = await startSshDaemon()
  })

  afterEach(() => daemon.stop())

  function key(privateKey = daemon.privateKey): GitCredential {
    return { kind: 'ssh_key', origin: `ssh://127.0.0.1:${daemon.port}`, privateKey }
  }

  test('abuse 64: a fetch with a key works, leaves no trace of it and remembers the host', async () => {
    const url = `ssh://${daemon.user}@127.0.0.1:${daemon.port}${source.directory}`

    const commandLines = await recordCommandLines(() =>
      kit.fetch(url, { credential: key(daemon.privateKey.replaceAll('\n', '\r\n').trimEnd()) }),
    )

    await expectFetched()
    await expectNoTrace(commandLines, daemon.privateKey)
    expect(await readFile(join(kit.root, '.known_hosts'), 'utf8')).toContain(`[127.0.0.1]:${daemon.port} `)
  })

  test('a wrong key or none is refused', async () => {
    const url = `ssh://${daemon.user}@127.0.0.1:${daemon.port}${source.directory}`
    const other = await createKey(daemon.directory, 'other')

    await expect(kit.fetch(url, { credential: key(other.privateKey) })).rejects.toMatchObject({ code: 'source_refused' })
    await expect(kit.fetch(url, { credential: key('not a key') })).rejects.toMatchObject({ code: 'source_refused' })
    await expect(kit.fetch(url)).rejects.toMatchObject({ code: 'source_refused' })
  })

  test('a host whose key has changed is not trusted', async () => {
    const url = `ssh://${daemon.user}@127.0.0.1:${daemon.port}${source.directory}`
    const other = await createKey(daemon.directory, 'impostor')
    await Bun.write(join(kit.root, '.known_hosts'), `[127.0.0.1]:${daemon.port} ${other.publicKey}`)

    await expect(kit.fetch(url, { credential: key() })).rejects.toMatchObject({
      code: 'source_unreachable',
      details: { problem: 'the host key is not the one that was seen first' },
    })
  })

  test('a path that does not exist is unreachable', async () => {
    const url = `ssh://${daemon.user}@127.0.0.1:${daemon.port}/nowhere/x.git`
    await expect(kit.fetch(url, { credential: key() })).rejects.toMatchObject({ code: 'source_unreachable' })
  })
})

interface SshDaemon {
  port: number
  user: string
  directory: string
  privateKey: string
  stop(): Promise<void>
}

async function startSshDaemon(): Promise<SshDaemon> {
  const directory = await mkdtemp(join(tmpdir(), 'repertoire-sshd-'))
  const port = await findFreePort()
  const [host, client] = await Promise.all([createKey(directory, 'host'), createKey(directory, 'client')])
  await Bun.write(join(directory, 'authorized'), client.publicKey)
  const configuration = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${host.path}`,
    `AuthorizedKeysFile ${join(directory, 'authorized')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
  ]
  await Bun.write(join(directory, 'config'), `${configuration.join('\n')}\n`)
  // The daemon insists on this directory, which its service file makes on a running system.
  if (process.getuid?.() === 0) await Bun.$`mkdir -p /run/sshd`
  const daemon = Bun.spawn(['/usr/sbin/sshd', '-D', '-e', '-f', join(directory, 'config')], {
    stdout: 'ignore',
    stderr: 'ignore',
  })
  await waitForPort(port)
  return {
    port,
    user: (await Bun.$`id -un`.text()).trim(),
    directory,
    privateKey: client.privateKey,
    stop: async () => {
      daemon.kill()
      await daemon.exited
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function createKey(directory: string, name: string): Promise<{ path: string; privateKey: string; publicKey: string }> {
  const path = join(directory, name)
  await Bun.$`ssh-keygen -q -t ed25519 -N '' -C test -f ${path}`
  return { path, privateKey: await readFile(path, 'utf8'), publicKey: await readFile(`${path}.pub`, 'utf8') }
}

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isOpen = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data: () => undefined } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (isOpen) return
    await Bun.sleep(50)
  }
  throw new Error('the ssh daemon did not start')
}
