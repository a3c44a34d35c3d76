import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startS3Server, type S3Server } from '../kit/s3-server.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

interface Finding {
  check: string
  status: string
  message: string
}

let cli: CliFixture
let store: S3Server

beforeEach(async () => {
  store = await startS3Server()
  cli = createCliFixture({
    REPERTOIRE_S3_BUCKET: store.bucket,
    REPERTOIRE_S3_ENDPOINT: store.endpoint,
    REPERTOIRE_S3_REGION: store.region,
    REPERTOIRE_S3_ACCESS_KEY_ID: store.accessKeyId,
    REPERTOIRE_S3_SECRET_ACCESS_KEY: store.secretAccessKey,
  })
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(async () => {
  await cli.end()
  await store.stop()
})

async function examine(): Promise<{ code: number; storage: Finding[] }> {
  const result = await cli.run(['doctor', '--json'])
  const { findings } = result.json<{ findings: Finding[] }>()
  return { code: result.code, storage: findings.filter(({ check }) => check === 'storage') }
}

test('a bucket that works is fine, and what was stored to find out is removed', async () => {
  const { code, storage } = await examine()

  expect(code).toBe(0)
  expect(storage).toMatchObject([{ status: 'ok', message: 'The bucket archives can be written, read and listed.' }])
  expect(store.objects.size).toBe(0)
})

test('abuse 58: a key without the right to write is a problem in words, without the secret', async () => {
  store.disturb(({ method }) => (method === 'PUT' ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : null))

  const { code, storage } = await examine()

  expect(code).toBe(1)
  expect(storage).toMatchObject([
    { status: 'problem', message: 'The bucket archives cannot be used: the object store denies access to the bucket.' },
  ])
  expect(JSON.stringify(storage)).not.toContain(store.secretAccessKey)
})

test('archives that were left on the disk are a warning', async () => {
  mkdirSync(join(cli.directory, 'blobs', 'objects'), { recursive: true })

  expect((await examine()).storage.map(({ status }) => status)).toEqual(['ok', 'warning'])
})
