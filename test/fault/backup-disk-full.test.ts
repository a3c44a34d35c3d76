/** Backups where the disk takes no more: the largest file that the process may write stands for it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createBackup } from '../../src/backup/create-backup.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import { uploadArtifact } from '../../src/core/sources/index.ts'
import { buildZip, streamOf } from '../kit/archives.ts'
import { scratchDirectory } from '../kit/database.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'

const MAIN = join(import.meta.dir, '../../src/main.ts')
/** In blocks of 512 bytes: 2 MiB, more than the database has and less than the archive. */
const LIMIT = 4096

let directory: string
let backup: string

beforeAll(async () => {
  directory = scratchDirectory('backup-full')
  backup = join(directory, 'whole.tar')
  const app = await openInstallation(configOf(join(directory, 'data')))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  const noise = Buffer.concat(Array.from({ length: 50 }, () => crypto.getRandomValues(Buffer.alloc(60_000))))
  await uploadArtifact(operatorCtx(app), {
    organization,
    content: streamOf(
      buildZip([
        { name: 'composer.json', data: '{"name":"acme/large","version":"1.0.0"}' },
        { name: 'noise', data: noise },
      ]),
      100_000,
    ),
    fileName: 'large.zip',
    expected: { name: null, version: null },
    onExisting: 'refuse',
    sha256: null,
  })
  await createBackup(app, operatorCtx(app), { path: backup, withMirrors: true, withKey: true, onProgress: () => {} })
  await app.close()
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

async function run(data: string, line: readonly string[], limit: number | null): Promise<{ code: number; stderr: string }> {
  const script = limit === null ? 'exec "$@"' : `ulimit -f ${limit}; exec "$@"`
  const child = Bun.spawn(['sh', '-c', script, 'sh', process.execPath, MAIN, ...line], {
    env: { PATH: process.env['PATH'] ?? '', REPERTOIRE_DATA: join(directory, data) },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const stderr = await child.stderr.text()
  return { code: await child.exited, stderr }
}

test('a backup that does not fit says so and leaves nothing', async () => {
  const folder = readdirSync(directory)

  const failed = await run('data', ['backup', 'create', join(directory, 'full.tar')], LIMIT)

  expect(failed.code).toBe(5)
  expect(failed.stderr).toContain('Storage is unavailable')
  expect(readdirSync(directory)).toEqual(folder)
})

test('a restore that does not fit says so, is no installation, and is completed when there is room', async () => {
  const failed = await run('restored', ['backup', 'restore', backup], LIMIT)
  const used = await run('restored', ['org', 'list'], null)

  const completed = await run('restored', ['backup', 'restore', backup], null)
  const listed = await run('restored', ['package', 'show', 'acme', 'acme/large'], null)

  expect([failed.code, used.code, completed.code, listed.code]).toEqual([5, 1, 0, 0])
  expect(failed.stderr).toContain('Storage is unavailable')
  expect(used.stderr).toContain('A restore into')
})
