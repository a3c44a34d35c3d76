/** The real Composer through nginx as docs/operate/install.md configures it: TLS, HTTP/2, many requests at once, WebSockets, client certificates. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { deriveRealtimeKey } from '../../src/surfaces/realtime/channel-grant.ts'
import { scratchDirectory } from '../kit/database.ts'
import { basic } from '../kit/http.ts'
import { createAuthority, type Authority, type Certificate } from './kit/certificates.ts'
import { basicAuth, createProject, type ComposerProject } from './kit/composer.ts'
import { startNginx, type Nginx } from './kit/nginx.ts'
import { createTestRepository } from '../kit/git-repository.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const PACKAGES = 60
const NAMES = Array.from({ length: PACKAGES }, (_, index) => `acme/part-${index}`)

let directory: string
let registry: Registry
let nginx: Nginx
let authority: Authority
let client: Certificate
let token: string

beforeAll(async () => {
  directory = scratchDirectory('nginx')
  authority = await createAuthority(directory, 'own')
  client = await authority.issue('client')
  nginx = await startNginx({ directory, certificate: await authority.issue('server'), authority })
  registry = await startRegistry({
    env: (port) => {
      nginx.passTo(port)
      return { REPERTOIRE_URL: nginx.url, REPERTOIRE_TRUSTED_PROXIES: '127.0.0.1' }
    },
  })
  await nginx.start()
  await registry.cli('org', 'create', 'acme')
  await addParts()
  token = await registry.token('acme')
}, 60_000)
afterAll(async () => {
  await nginx.stop()
  await registry.end()
  rmSync(directory, { recursive: true, force: true })
}, 20_000)

/** Sixty packages in one repository. */
async function addParts(): Promise<void> {
  const repository = await createTestRepository()
  const files = Object.fromEntries(
    NAMES.map((name, index) => [`parts/${index}/composer.json`, JSON.stringify({ name, license: 'MIT' })]),
  )
  const [commit = ''] = await repository.commit({ files, message: 'parts' })
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })
  await registry.cli('source', 'add', 'acme', repository.url, '--manifests', 'parts/*/composer.json')
}

function createPartsProject(): ComposerProject {
  const repository = { type: 'composer', url: `${nginx.url}/acme`, options: { ssl: { cafile: authority.ca } } }
  return createProject(registry, {
    auth: basicAuth({ ...registry, origin: new URL(nginx.url).host }, token),
    require: Object.fromEntries(NAMES.map((name) => [name, '^1.0'])),
    manifest: { repositories: [repository, { 'packagist.org': false }], config: {} },
  })
}

for (const parallel of ['12', '50']) {
  test(`CO-044 sixty packages arrive in ${parallel} streams at once of one connection`, async () => {
    const project = createPartsProject()
    const before = nginx.requests().length

    await project.succeed(['update', '--no-install'], { env: { COMPOSER_MAX_PARALLEL_HTTP: parallel } })

    const requests = nginx.requests().slice(before)
    expect(project.locked()).toHaveLength(PACKAGES)
    expect(requests.length).toBeGreaterThan(PACKAGES)
    expect(new Set(requests.map(({ protocol, status }) => `${protocol} ${status}`))).toEqual(new Set(['HTTP/2.0 200']))
    expect(new Set(requests.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2)
  }, 60_000)
}

test('CO-044 archives arrive over HTTP/2, too, and the addresses are those of the proxy', async () => {
  const project = createPartsProject()
  project.configure({ require: { 'acme/part-1': '^1.0', 'acme/part-2': '^1.0' } })

  await project.succeed(['update'])

  expect(project.installed()).toEqual({ 'acme/part-1': '1.0.0', 'acme/part-2': '1.0.0' })
  expect(project.locked().every(({ dist }) => dist?.url.startsWith(`${nginx.url}/acme/dists/`) === true)).toBe(true)
})

test('CO-054 a proxy that asks for certificates lets those in who show one', async () => {
  const headers = { Authorization: basic('token', token) }
  const own = { ca: authority.caText, cert: readFileSync(client.cert, 'utf8'), key: readFileSync(client.key, 'utf8') }
  const ask = (tls: Bun.TLSOptions) => fetch(`${nginx.guardedUrl}/acme/packages.json`, { headers, tls })

  const answers = await Promise.all([ask(own), ask({ ca: authority.caText })])

  expect(answers.map(({ status }) => status)).toEqual([200, 400])
})

test('PR-902 connections of realtime channels pass the proxy', async () => {
  const key = await registry.inside(async (app) => deriveRealtimeKey(app.ports.secrets).key)
  const address = `${nginx.url.replace('https:', 'wss:')}/app/${key}?protocol=7`
  const socket = new WebSocket(address, { headers: { Origin: nginx.url }, tls: { ca: authority.caText } })

  const first = await new Promise<string>((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => resolve(String(data)))
    socket.addEventListener('close', ({ code }) => reject(new Error(`closed with ${code}`)))
  })
  socket.close()

  expect(first).toContain('pusher:connection_established')
})
