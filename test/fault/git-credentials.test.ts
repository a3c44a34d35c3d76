import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { GitCredential } from '../../src/core/kernel/ports.ts'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { type GitServer, startGitServer } from '../kit/git-server.ts'
import { createKey, type SshDaemon, startSshDaemon } from '../kit/ssh-daemon.ts'
import { filesText, recordCommandLines } from '../kit/traces.ts'

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
  test('PR-610 of a user and password', async () => {
    server.behaviour.authorization = BASIC

    const commandLines = await recordCommandLines(() => kit.fetch(server.url, { credential: basic() }))

    await expectFetched()
    await expectNoTrace(commandLines, CANARY)
    expect(commandLines).not.toContain('socks5')
    expect(kit.redacted).toContain(CANARY)
  })

  test('PR-610 of a bearer token', async () => {
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

  test('PR-610 abuse 64: a fetch with a key works, leaves no trace of it and remembers the host', async () => {
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
