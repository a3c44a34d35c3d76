/** A backup that an older release made: its rows are brought up to this release's schema, as an upgrade would have done. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BackupManifest } from '../../src/backup/backup-documents.ts'
import { createBackup } from '../../src/backup/create-backup.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { readTables } from '../../src/backup/rows.sql.ts'
import { createScratchDatabase } from '../../src/backup/scratch-database.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import { addSource } from '../../src/core/sources/index.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { packageCommit } from '../kit/git-source.ts'
import { readMembers, writeBackup, type Member } from './crafted-backup.ts'
import { readRecord } from './crash-record.ts'
import { configOf, openInstallation, operatorCtx, runJobs } from './installation.ts'

let directory: string
let repository: TestRepository

beforeAll(async () => {
  directory = scratchDirectory('backup-older')
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit(packageCommit({}))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1.0.0': commit })
})
afterAll(async () => {
  await repository.remove()
  rmSync(directory, { recursive: true, force: true })
})

/** The backup as a release would have made it that knew only the first `count` migrations. */
async function toOlder(members: readonly Member[], count: number): Promise<Member[]> {
  const manifest = JSON.parse(members[0]?.bytes.toString() ?? '') as BackupManifest
  const migrations = manifest.migrations.slice(0, count)
  const scratch = await createScratchDatabase({ ...manifest, migrations })
  const known = await readTables(scratch.database.read)
  await scratch.drop()
  const tables = manifest.tables
    .filter(({ name }) => known.has(name))
    .map((table) => ({ ...table, columns: known.get(table.name)?.map(({ name }) => name) ?? [] }))
  const older: Member[] = [{ name: 'manifest.json', bytes: Buffer.from(JSON.stringify({ ...manifest, migrations, tables })) }]
  for (const member of members.slice(1)) {
    const [folder, table = ''] = member.name.split('/')
    const columns = tables.find(({ name }) => name === table)?.columns
    const present = manifest.tables.find(({ name }) => name === table)?.columns ?? []
    if (folder !== 'tables') {
      older.push(member)
    } else if (columns !== undefined) {
      const rows = member.bytes.toString().trimEnd().split('\n')
      const changed = rows.map((row) => {
        const values = JSON.parse(row) as unknown[]
        return `${JSON.stringify(columns.map((name) => values[present.indexOf(name)] ?? null))}\n`
      })
      older.push({ ...member, bytes: Buffer.from(changed.join('')) })
    }
  }
  return older
}

test('is restored with everything in it, and works', async () => {
  const data = join(directory, 'data')
  const app = await openInstallation(configOf(data))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  const path = join(directory, 'present.tar')
  await createBackup(app, operatorCtx(app), { path, withMirrors: true, withKey: true, onProgress: () => {} })
  await app.close()
  const older = join(directory, 'older.tar')
  writeBackup(older, await toOlder(await readMembers(path), 3))
  const config = configOf(join(directory, 'restored'))

  await restoreBackup(config, { path: older, tokens: 'keep', writeLog: () => {}, onProgress: () => {} })

  const { published } = await readRecord(data, 'acme')
  expect((await readRecord(config.dataDirectory, 'acme')).published).toEqual(published)
  const revived = await openInstallation(config)
  await createOrganization(operatorCtx(revived), { slug: 'later', name: 'Later' })
  await revived.close()
})
