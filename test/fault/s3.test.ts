/** Archives in an object store: processes that die, blobs that are large, and several installations over one bucket. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { createBackup } from '../../src/backup/create-backup.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import type { App } from '../../src/compose.ts'
import { createOrganization, createToken } from '../../src/core/access/index.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'
import { addSource } from '../../src/core/sources/index.ts'
import { createServer } from '../../src/server/http-server.ts'
import { scratchDirectory } from '../kit/database.ts'
import { packageCommit, temporaryRepository } from '../kit/git-source.ts'
import { basic } from '../kit/http.ts'
import { startS3Server, type S3Server } from '../kit/s3-server.ts'
import { configOf, openInstallation, operatorCtx, runJobs } from './installation.ts'

const WRITER = join(import.meta.dir, 's3-writer.ts')
const KILLS = 12

let directory: string
let store: S3Server
let databases: string[] = []

beforeEach(async () => {
  directory = scratchDirectory('s3')
  store = await startS3Server()
})
afterEach(async () => {
  await store.stop()
  rmSync(directory, { recursive: true, force: true })
  for (const name of databases) {
    await administer(`DROP DATABASE "${name}" WITH (FORCE)`)
  }
  databases = []
})

function spawnWriter(command: string) {
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = store
  const place = JSON.stringify({ endpoint, bucket, region, accessKeyId, secretAccessKey, pathStyle: true })
  return Bun.spawn([process.execPath, WRITER, command, place, directory], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
}

test('abuse 54: a process killed in the middle of a put leaves no object whose bytes differ from its name', async () => {
  const acknowledged: string[] = []

  for (let round = 0; round < KILLS; round += 1) {
    const writer = spawnWriter('loop')
    let output = ''
    for await (const chunk of writer.stdout.pipeThrough(new TextDecoderStream())) {
      if (output === '') setTimeout(() => writer.kill('SIGKILL'), round * 11)
      output += chunk
    }
    await writer.exited
    acknowledged.push(...output.split('\n').filter((line) => line.length === 64))
  }

  for (const [key, { bytes }] of store.objects) {
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(key.slice(-64))
  }
  const names = new Set([...store.objects.keys()].map((key) => key.slice(-64)))
  expect(acknowledged.filter((sha256) => !names.has(sha256))).toEqual([])
  expect(acknowledged.length).toBeGreaterThan(KILLS)
}, 60_000)

test('a blob of 200 MiB is stored, checked and passed on in little memory', async () => {
  const writer = spawnWriter('large')
  const report = JSON.parse(await writer.stdout.text()) as { grown: number; state: string; streamed: string; sha256: string }

  expect(report).toMatchObject({ state: 'intact', streamed: report.sha256 })
  expect(report.grown).toBeLessThan(128)
}, 60_000)

async function administer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['TEST_POSTGRES_URL'] })
  await client.connect()
  await client.query(statement)
  await client.end()
}

async function newDatabase(): Promise<string> {
  if (process.env['TEST_POSTGRES_URL'] === undefined) {
    throw new Error('TEST_POSTGRES_URL is not set; `npm test` starts a PostgreSQL and sets it.')
  }
  const name = `s3_${process.pid}_${databases.length}`
  await administer(`CREATE DATABASE "${name}"`)
  databases.push(name)
  const url = new URL(process.env['TEST_POSTGRES_URL'])
  url.pathname = `/${name}`
  return url.href
}

function settings(prefix = ''): Record<string, string> {
  return {
    REPERTOIRE_SECRET_KEY: 'ab'.repeat(32),
    REPERTOIRE_HOST: '127.0.0.1',
    REPERTOIRE_PORT: '0',
    REPERTOIRE_S3_BUCKET: store.bucket,
    REPERTOIRE_S3_ENDPOINT: store.endpoint,
    REPERTOIRE_S3_REGION: store.region,
    REPERTOIRE_S3_ACCESS_KEY_ID: store.accessKeyId,
    REPERTOIRE_S3_SECRET_ACCESS_KEY: store.secretAccessKey,
    ...(prefix === '' ? {} : { REPERTOIRE_S3_PREFIX: prefix }),
  }
}

/** Publishes a package with one built archive; returns its reference and a token. */
async function publish(app: App): Promise<{ reference: string; token: string }> {
  const repository = await temporaryRepository()
  const [reference = ''] = await repository.commit(packageCommit({}, { 'src/A.php': '<?php // A\n'.repeat(2000) }))
  await repository.setRefs({ 'refs/heads/main': reference, 'refs/tags/v1.0.0': reference })
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  const wanted = { organization, name: 'reader', scopes: READ_SCOPES, packages: null, expiresAt: null }
  const { secret } = await createToken(operatorCtx(app), wanted)
  return { reference, token: secret }
}

async function serving<Result>(
  app: App,
  work: (get: (path: string, token?: string) => Promise<Response>) => Promise<Result>,
): Promise<Result> {
  const server = createServer(app, 'all')
  const port = server.listen({ shared: false })
  try {
    return await work((path, token) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        redirect: 'manual',
        headers: token === undefined ? {} : { Authorization: basic('token', token) },
      }),
    )
  } finally {
    await server.stop(2_000)
  }
}

test('CO-079 abuse 58: what one machine built another serves, and while the store is away metadata goes on', async () => {
  const database = { REPERTOIRE_DATABASE_URL: await newDatabase() }
  const builder = await openInstallation(configOf(join(directory, 'builder'), { ...settings(), ...database }))
  const { reference, token } = await publish(builder)
  await builder.close()
  const lines: string[] = []
  const server = await openInstallation(configOf(join(directory, 'server'), { ...settings(), ...database }), lines)
  const dist = `/acme/dists/acme/http/1.0.0/${reference}.zip`

  const seen = await serving(server, async (get) => {
    const redirect = await get(dist, token)
    const archive = await fetch(redirect.headers.get('location') ?? '')
    const well = await (await get('/ready')).json()
    store.disturb(() => ({ kind: 'refuse', status: 403, code: 'InvalidAccessKeyId' }))
    await server.blobs.remove('0'.repeat(64)).catch(() => {})
    const during = { metadata: (await get('/acme/p2/acme/http.json', token)).status, ready: await get('/ready') }
    store.disturb(null)
    const again = await (await get('/ready')).json()
    return {
      status: redirect.status,
      archive: (await archive.bytes()).subarray(0, 2),
      well,
      during,
      again,
      ill: await during.ready.json(),
    }
  })
  await server.close()

  expect(seen.status).toBe(302)
  expect(Buffer.from(seen.archive).toString()).toBe('PK')
  expect(seen.well).toEqual({ status: 'ok' })
  expect(seen.during.metadata).toBe(200)
  expect(seen.during.ready.status).toBe(200)
  expect(seen.ill).toEqual({
    status: 'degraded',
    message: 'Archives cannot be had: the object store does not know the access key.',
  })
  expect(seen.again).toEqual({ status: 'ok' })
  expect(lines.join('')).not.toContain(store.secretAccessKey)
}, 60_000)

test('a backup of an installation over a bucket restores its archives into another folder of the bucket', async () => {
  const app = await openInstallation(configOf(join(directory, 'before'), settings('before')))
  const { reference, token } = await publish(app)
  const path = join(directory, 'backup.tar')
  await createBackup(app, operatorCtx(app), { path, withMirrors: false, withKey: false, onProgress: () => {} })
  await app.close()
  const config = configOf(join(directory, 'after'), settings('after'))

  await restoreBackup(config, { path, tokens: 'keep', writeLog: () => {}, onProgress: () => {} })

  const revived = await openInstallation(config)
  const redirect = await serving(revived, (get) => get(`/acme/dists/acme/http/1.0.0/${reference}.zip`, token))
  await revived.close()
  const folders = (folder: string) =>
    [...store.objects.keys()].filter((key) => key.startsWith(folder)).map((key) => key.slice(folder.length))
  expect(folders('after/').toSorted()).toEqual(folders('before/').toSorted())
  expect(folders('after/').length).toBeGreaterThan(0)
  expect(new URL(redirect.headers.get('location') ?? '').pathname).toStartWith(`/${store.bucket}/after/objects/`)
}, 60_000)
