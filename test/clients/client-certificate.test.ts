/** A server that speaks TLS and HTTP/2 itself and asks clients for certificates, before the real Composer. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readTls } from '../../src/server/tls.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createAuthority, type Authority, type Certificate } from './kit/certificates.ts'
import { basicAuth, createProject, type ComposerProject } from './kit/composer.ts'
import { createReleases } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let directory: string
let registry: Registry
let url: string
let token: string
let authority: Authority
let client: Certificate
let server: Certificate

beforeAll(async () => {
  directory = scratchDirectory('tls')
  authority = await createAuthority(directory, 'own')
  server = await authority.issue('server')
  client = await authority.issue('client')
  registry = await startRegistry({
    env: (port) => ({
      REPERTOIRE_URL: `https://127.0.0.1:${port}`,
      REPERTOIRE_TLS_CERT: server.cert,
      REPERTOIRE_TLS_KEY: server.key,
      REPERTOIRE_TLS_CLIENT_CA: authority.ca,
    }),
    tls: asClient(),
  })
  url = `https://127.0.0.1:${registry.port}`
  await registry.cli('org', 'create', 'acme')
  await registry.publish('acme', await createReleases('acme/core', { '1.0.0': {} }))
  await registry.settle()
  token = await registry.token('acme')
}, 60_000)
afterAll(async () => {
  await registry.end()
  rmSync(directory, { recursive: true, force: true })
}, 20_000)

function asClient(): Bun.TLSOptions {
  return { ca: authority.caText, cert: readFileSync(client.cert, 'utf8'), key: readFileSync(client.key, 'utf8') }
}

/** A project whose repository has these options of `ssl`. */
function projectWith(ssl: Record<string, string>): ComposerProject {
  const repository = { type: 'composer', url: `${url}/acme`, options: { ssl: { cafile: authority.ca, ...ssl } } }
  return createProject(registry, {
    auth: basicAuth({ ...registry, origin: `127.0.0.1:${registry.port}` }, token),
    require: { 'acme/core': '^1.0' },
    manifest: { repositories: [repository, { 'packagist.org': false }], config: {} },
  })
}

test('CO-054 with the certificate of a client Composer installs, metadata and archives alike', async () => {
  const project = projectWith({ local_cert: client.cert, local_pk: client.key })

  await project.succeed(['update'])

  expect(project.installed()).toEqual({ 'acme/core': '1.0.0' })
  expect(project.locked()[0]?.dist?.url).toStartWith(`${url}/acme/dists/`)
})

test('CO-054 without one, or with one of somebody else, it gets nothing', async () => {
  const stranger = await (await createAuthority(registry.directory, 'stranger')).issue('client')

  const without = await projectWith({}).composer(['update'])
  const foreign = await projectWith({ local_cert: stranger.cert, local_pk: stranger.key }).composer(['update'])

  expect([without.code, foreign.code]).not.toContain(0)
  expect(without.output).toMatch(/certificate required|alert|curl error/i)
  expect(foreign.output).toMatch(/unknown ca|alert|curl error/i)
})

test('CO-054 a certificate is no token: who shows it alone is asked for one', async () => {
  const answer = await fetch(`${url}/acme/packages.json`, { tls: asClient() })

  expect(answer.status).toBe(401)
})

test('CO-044 the server speaks HTTP/2 itself: fifty requests at once over one connection', async () => {
  const addresses = Array.from({ length: 50 }, (_, index) => `${url}/acme/p2/acme/core.json?n=${index}`)
  const outputs = addresses.flatMap(() => ['-o', '/dev/null'])
  const identity = ['--cacert', authority.ca, '--cert', client.cert, '--key', client.key, '-u', `token:${token}`]
  const report = ['-w', '%{http_version} %{http_code} %{num_connects}\\n']

  const line = ['curl', '-s', '--http2', '-Z', '--parallel-max', '50', ...identity, ...report, ...outputs, ...addresses]
  const lines = (await Bun.spawn(line, { stdin: 'ignore', stderr: 'ignore' }).stdout.text()).trim().split('\n')

  expect(lines).toHaveLength(50)
  expect(new Set(lines.map((text) => text.slice(0, 5)))).toEqual(new Set(['2 200']))
  expect(lines.filter((text) => text.endsWith(' 1')).length).toBe(1)
})

test('CO-044 HTTP/1.1 is spoken to clients that want it', async () => {
  const identity = ['--cacert', authority.ca, '--cert', client.cert, '--key', client.key, '-u', `token:${token}`]
  const line = ['curl', '-s', '--http1.1', ...identity, '-o', '/dev/null', '-w', '%{http_version} %{http_code}']

  const answer = await Bun.spawn([...line, `${url}/acme/packages.json`], { stdin: 'ignore' }).stdout.text()

  expect(answer).toBe('1.1 200')
})

test.each([
  [() => ({ cert: '/nowhere', key: server.key, clientCa: null }), 'REPERTOIRE_TLS_CERT'],
  [() => ({ cert: server.cert, key: server.cert, clientCa: null }), 'REPERTOIRE_TLS_KEY'],
  [() => ({ cert: server.cert, key: client.key, clientCa: null }), 'REPERTOIRE_TLS_KEY: this is not the key of the certificate'],
  [() => ({ cert: server.cert, key: server.key, clientCa: server.key }), 'REPERTOIRE_TLS_CLIENT_CA'],
])('files that cannot be used are named before the server listens (%#)', (files, message) => {
  expect(() => readTls(files())).toThrow(message)
})

test('SIGHUP takes a new certificate without losing anybody, and keeps the old one when the new one is no good', async () => {
  const before = await subjectOf()
  const renewed = await authority.issue('renewed')
  copyFileSync(renewed.cert, server.cert)
  copyFileSync(renewed.key, server.key)

  registry.signal('SIGHUP')
  await until(async () => (await subjectOf()) === 'renewed')
  writeFileSync(server.key, 'no key')
  registry.signal('SIGHUP')
  await until(() => Promise.resolve(registry.problems.length > 0))

  expect(before).toBe('server')
  expect(registry.problems.splice(0).join()).toContain('REPERTOIRE_TLS_KEY')
  expect(await subjectOf()).toBe('renewed')
  expect((await fetch(`${url}/ready`, { tls: asClient() })).status).toBe(200)
}, 20_000)

async function subjectOf(): Promise<string> {
  const script = 'openssl s_client -connect "$0" </dev/null 2>/dev/null | openssl x509 -noout -subject'
  const child = Bun.spawn(['sh', '-c', script, `127.0.0.1:${registry.port}`], { stderr: 'ignore' })
  return (await child.stdout.text()).trim().replace(/^.*CN ?= ?/, '')
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new Error('It did not happen in time.')
    }
    await Bun.sleep(50)
  }
}
