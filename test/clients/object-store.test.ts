/** Composer and a registry whose archives are in an object store on another host and port, which refuses a second credential. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { startS3Server, type S3Server } from '../kit/s3-server.ts'
import { basicAuth, createProject } from './kit/composer.ts'
import { createReleases } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

describe.each([
  ['sends clients there', 'true'],
  ['reads it for them', 'false'],
])('a registry that %s', (_, redirects) => {
  let store: S3Server
  let registry: Registry
  let token: string

  beforeAll(async () => {
    store = await startS3Server()
    registry = await startRegistry({
      env: {
        REPERTOIRE_S3_BUCKET: store.bucket,
        REPERTOIRE_S3_ENDPOINT: store.endpoint,
        REPERTOIRE_S3_REGION: store.region,
        REPERTOIRE_S3_ACCESS_KEY_ID: store.accessKeyId,
        REPERTOIRE_S3_SECRET_ACCESS_KEY: store.secretAccessKey,
        REPERTOIRE_S3_PREFIX: 'composer',
        REPERTOIRE_S3_REDIRECTS: redirects,
      },
    })
    await registry.cli('org', 'create', 'acme')
    token = await registry.token('acme')
    await registry.publish('acme', await createReleases('acme/stored', { '1.0.0': {} }))
  }, 60_000)
  afterAll(async () => {
    await registry.end()
    await store.stop()
  }, 20_000)
  beforeEach(() => {
    registry.proxy.reset()
    store.requests.length = 0
  })

  const distStatuses = () => registry.proxy.exchanges.filter(({ path }) => path.includes('/dists/')).map(({ status }) => status)

  test('CO-079 installs, and the token of the registry does not reach the store', async () => {
    const project = createProject(registry, { token, require: { 'acme/stored': '^1.0' } })

    await project.succeed(['update'])

    expect(project.read('vendor/acme/stored/CONTENT')).toBe('acme/stored 1.0.0')
    expect(distStatuses()).toEqual([redirects === 'true' ? 302 : 200])
    // A link with an Authorization header beside it would have been refused.
    expect(store.requests.some((request) => request.startsWith('GET composer/objects/'))).toBe(true)
  })

  test('CO-079 a lock file installs again with a new link', async () => {
    const project = createProject(registry, { token, require: { 'acme/stored': '^1.0' } })
    await project.succeed(['update'])
    project.removeVendor()
    project.clearCache()

    await project.succeed(['install'])

    expect(project.locked()[0]?.dist?.url).not.toContain('X-Amz')
    expect(project.read('vendor/acme/stored/CONTENT')).toBe('acme/stored 1.0.0')
  })

  test('CO-079 credentials of the client for the host of the store are sent there, which only a registry that reads it itself survives', async () => {
    const auth = {
      'http-basic': {
        ...basicAuth(registry, token)['http-basic'],
        [new URL(store.endpoint).host]: { username: 'a', password: 'b' },
      },
    }
    const project = createProject(registry, { auth, require: { 'acme/stored': '^1.0' } })

    const run = await project.composer(['update'])

    expect(run.code === 0).toBe(redirects === 'false')
  })

  test('nothing of all this was a problem for the server', () => {
    expect(registry.problems).toEqual([])
  })
})
