/**
 * Abuse 62: a backup that somebody made up. Each of these is a whole backup, with all digests right, in which one thing was changed; the
 * first faulty thing refuses it before anything is written.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createBackup } from '../../src/backup/create-backup.ts'
import type { BackupManifest, BackupTrailer } from '../../src/backup/backup-documents.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { createOrganization, createToken } from '../../src/core/access/index.ts'
import { addSource, uploadArtifact } from '../../src/core/sources/index.ts'
import { InvalidBackup } from '../../src/platform/backup/invalid-backup.ts'
import { buildZip, streamOf } from '../kit/archives.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { packageCommit } from '../kit/git-source.ts'
import { readMembers, sha256, writeBackup, type Member } from './crafted-backup.ts'
import { configOf, openInstallation, operatorCtx, runJobs } from './installation.ts'

let directory: string
let repository: TestRepository
let members: Member[]
let count = 0

beforeAll(async () => {
  directory = scratchDirectory('backup-hostile')
  repository = await createTestRepository()
  const [commit = ''] = await repository.commit(packageCommit({ description: 'a' }))
  await repository.setRefs({ 'refs/heads/main': commit })
  const app = await openInstallation(configOf(join(directory, 'data')))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await createToken(operatorCtx(app), { organization, name: 'ci', access: 'read', packages: null, expiresAt: null } as never)
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  await uploadArtifact(operatorCtx(app), {
    organization,
    content: streamOf(buildZip([{ name: 'composer.json', data: '{"name":"acme/uploaded"}' }])),
    fileName: 'http.zip',
    expected: { name: null, version: '1.0.0' },
    onExisting: 'refuse',
    sha256: null,
  })
  const path = join(directory, 'honest.tar')
  await createBackup(app, operatorCtx(app), { path, withMirrors: true, withKey: true, onProgress: () => {} })
  await app.close()
  members = await readMembers(path)
}, 60_000)

afterAll(async () => {
  await repository.remove()
  rmSync(directory, { recursive: true, force: true })
})

/** Writes a backup of these members with a trailer that agrees with them. */
function pack(changed: readonly Member[], trailer: Partial<BackupTrailer> = {}): string {
  count += 1
  const path = join(directory, `crafted-${count}.tar`)
  writeBackup(path, changed, trailer)
  return path
}

/** The members with those of a name replaced. */
function withChanged(name: string | RegExp, change: (member: Member) => Member[]): Member[] {
  const isMeant = (found: string) => (typeof name === 'string' ? found === name : name.test(found))
  expect(members.filter((member) => isMeant(member.name)).length).toBeGreaterThan(0)
  return members.flatMap((member) => (isMeant(member.name) ? change(member) : [member]))
}

function withManifest(change: (manifest: BackupManifest) => unknown): Member[] {
  return withChanged('manifest.json', (member) => {
    const manifest = JSON.parse(member.bytes.toString()) as BackupManifest
    return [{ ...member, bytes: Buffer.from(JSON.stringify(change(manifest) ?? manifest)) }]
  })
}

function withRow(table: string, change: (row: unknown[]) => unknown): Member[] {
  return withChanged(`tables/${table}/000001.ndjson`, (member) => {
    const [first = '', ...rest] = member.bytes.toString().split('\n')
    const row = JSON.parse(first) as unknown[]
    return [{ ...member, bytes: Buffer.from([JSON.stringify(change(row) ?? row), ...rest].join('\n')) }]
  })
}

const member = (name: string, text = 'x'): Member => ({ name, bytes: Buffer.from(text) })

/** Restores into a new folder; returns the problem, after looking that nothing was written. */
async function refusal(path: string): Promise<string> {
  const data = join(directory, `data-${count}`)
  const restoring = restoreBackup(configOf(data), { path, tokens: 'keep', writeLog: () => {}, onProgress: () => {} })
  const error = await restoring.then(
    () => new Error('it was restored'),
    (thrown: unknown) => thrown as Error,
  )
  expect(error).toBeInstanceOf(InvalidBackup)
  expect(readdirSync(directory)).not.toContain(`data-${count}`)
  return error.message
}

test('the honest backup, packed again, is restored', async () => {
  const path = pack(members)

  const restored = await restoreBackup(configOf(join(directory, 'honest')), {
    path,
    tokens: 'keep',
    writeLog: () => {},
    onProgress: () => {},
  })

  expect(restored.tokens).toHaveLength(1)
})

describe('abuse 62: members that no backup has', () => {
  test.each([
    '../evil',
    '/etc/passwd',
    'blobs/../../evil',
    'tables/users/../x.ndjson',
    'config',
    'hooks/post-update',
    'repertoire.db',
    'blobs/short',
    'Manifest.json',
    'tables/kysely_migration/000001.ndjson',
    'tables/jobs/000001.ndjson',
    'tables/users/1.ndjson',
    'mirrors/x/config',
  ])('%s', async (name) => {
    const [manifest, ...rest] = members
    expect(await refusal(pack([manifest!, member(name), ...rest]))).toContain('The backup cannot be used')
  })

  test.each(['config', 'head', 'hooks', 'pack-1.pack', 'packed-refs.lock'])('a file %s in a mirror', async (name) => {
    const mirror = members.find((found) => found.name.startsWith('mirrors/'))!.name.split('/')[1]!
    const crafted = withChanged('secret.key', (key) => [member(`mirrors/${mirror}/${name}`), key])

    expect(await refusal(pack(crafted))).toContain('no mirror in a backup has a file')
  })

  test('a mirror of no source', async () => {
    const crafted = withChanged('secret.key', (key) => [member('mirrors/00000000-0000-7000-8000-000000000000/packed-refs'), key])

    expect(await refusal(pack(crafted))).toContain('of no source')
  })

  test.each([
    ['a symbolic link', (header: Buffer) => header.write('2', 156)],
    ['a hard link', (header: Buffer) => header.write('1', 156)],
    ['a directory', (header: Buffer) => header.write('5', 156)],
    ['a pax header', (header: Buffer) => header.write('x', 156)],
    ['a long name of GNU tar', (header: Buffer) => header.write('L', 156)],
    ['a prefix before its name', (header: Buffer) => header.write('../..', 345)],
    ['another mode', (header: Buffer) => header.write('0004755', 100)],
  ])('%s', async (_, change) => {
    const crafted = withChanged('secret.key', (key) => [{ ...key, header: (header) => void change(header) }])

    expect(await refusal(pack(crafted))).toContain('something else than the files of a backup')
  })

  test('an archive that no row names', async () => {
    const bytes = Buffer.from('<?php evil();')
    const crafted = members.flatMap((found) => (found.name.startsWith('mirrors/') ? [] : [found]))
    const blobs = [...crafted.filter(({ name }) => name.startsWith('blobs/')), { name: `blobs/${sha256(bytes)}`, bytes }]
    const sorted = blobs.toSorted((left, right) => (left.name < right.name ? -1 : 1))
    const rest = crafted.filter(({ name }) => !name.startsWith('blobs/') && name !== 'secret.key')

    expect(await refusal(pack([...rest, ...sorted]))).toContain('which no row names')
  })

  test('an archive with other bytes than its name says', async () => {
    const crafted = withChanged(/^blobs\//, (blob) => [{ ...blob, bytes: Buffer.from('evil') }])

    expect(await refusal(pack(crafted))).toContain('is damaged')
  })

  test.each([
    ['missing', /^blobs\//, 'archives that its rows name are missing'],
    ['twice', null, 'is not in its place'],
  ])('an archive that is %s', async (_, left, problem) => {
    const crafted = left === null ? withChanged(/^blobs\//, (blob) => [blob, blob]) : withChanged(left, () => [])

    expect(await refusal(pack(crafted))).toContain(problem)
  })

  test('another key than that of its secrets', async () => {
    const crafted = withChanged('secret.key', (key) => [{ ...key, bytes: Buffer.from('0'.repeat(64)) }])

    expect(await refusal(pack(crafted))).toContain('its key is not the one')
  })
})

describe('abuse 62: tables, columns and rows that no backup has', () => {
  test.each(['jobs', 'sessions', 'kysely_migration', 'sqlite_sequence', 'sqlite_schema', 'evil'])('a table %s', async (name) => {
    const crafted = withManifest((manifest) => {
      manifest.tables.push({ name, columns: ['id'], rows: 0, lastId: 0 })
    })

    expect(await refusal(pack(crafted))).toContain(`no backup has a table "${name}"`)
  })

  test('a table twice, and one left out', async () => {
    const twice = withManifest((manifest) => void manifest.tables.push(manifest.tables[0]!))
    const without = withManifest((manifest) => void manifest.tables.splice(-1))

    expect(await refusal(pack(twice))).toContain('no backup has a table')
    expect(await refusal(pack(without.filter(({ name }) => !name.startsWith('tables/events/'))))).toContain('is missing')
  })

  test.each([
    ['more', (columns: string[]) => [...columns, 'evil']],
    ['one twice', (columns: string[]) => [...columns, columns[0]!]],
    ['fewer', (columns: string[]) => columns.slice(1)],
    ['others', (columns: string[]) => ['rowid', ...columns.slice(1)]],
    [
      'statements in their names',
      (columns: string[]) => [`${columns[0]}") values (1); drop table users; --`, ...columns.slice(1)],
    ],
  ])('a table with %s columns', async (_, change) => {
    const crafted = withManifest((manifest) => {
      manifest.tables = manifest.tables.map((table) =>
        table.name === 'tokens' ? { ...table, columns: change(table.columns) } : table,
      )
    })

    expect(await refusal(pack(crafted))).toContain('the table tokens has other columns')
  })

  test.each<[string, (row: unknown[]) => unknown]>([
    ['an object for a value', (row) => [{ $ne: 1 }, ...row.slice(1)]],
    ['a text for a number', (row) => ['1', ...row.slice(1)]],
    ['a fraction for a number', (row) => [1.5, ...row.slice(1)]],
    ['a truth value', (row) => [true, ...row.slice(1)]],
    ['a value more', (row) => [...row, 1]],
    ['a value fewer', (row) => row.slice(1)],
    ['an object for a row', () => ({ id: 1 })],
  ])('a row with %s', async (_, change) => {
    expect(await refusal(pack(withRow('organizations', change)))).toContain('does not have the values of its columns')
  })

  test('a row that refers to nothing, and a row that is there twice', async () => {
    const columns = (JSON.parse(members[0]!.bytes.toString()) as BackupManifest).tables.find(
      ({ name }) => name === 'tokens',
    )!.columns
    const dangling = withRow('tokens', (row) => void (row[columns.indexOf('organization_id')] = 999))
    const twice = withChanged('tables/organizations/000001.ndjson', (found) => [
      { ...found, bytes: Buffer.concat([found.bytes, found.bytes]) },
    ])

    expect(await refusal(pack(dangling))).toContain('rows of tokens contradict the schema')
    expect(await refusal(pack(twice))).toContain('rows of organizations contradict the schema')
  })

  test('other numbers of rows than it says', async () => {
    const crafted = withManifest((manifest) => {
      manifest.tables = manifest.tables.map((table) => ({ ...table, rows: table.rows + 1 }))
    })

    expect(await refusal(pack(crafted))).toContain('rows instead of')
  })
})

describe('abuse 62: documents that no backup has', () => {
  test.each<[string, (manifest: BackupManifest) => unknown, string]>([
    ['another format', (manifest) => ({ ...manifest, format: 2 }), 'not what this release understands (format'],
    ['an unknown field', (manifest) => ({ ...manifest, run: 'sh' }), 'not what this release understands'],
    ['a newer schema', (manifest) => ({ ...manifest, migrations: [...manifest.migrations, '9999-future'] }), 'a newer release'],
    ['a schema with a gap', (manifest) => ({ ...manifest, migrations: manifest.migrations.slice(1) }), 'not that of any release'],
    ['another key', (manifest) => ({ ...manifest, keyFingerprint: '0'.repeat(16) }), 'key'],
  ])('a manifest with %s', async (_, change, problem) => {
    expect(await refusal(pack(withManifest(change)))).toContain(problem)
  })

  test('a manifest that is not JSON, not first, or there twice', async () => {
    const [manifest, ...rest] = members

    expect(await refusal(pack([{ ...manifest!, bytes: Buffer.from('{') }, ...rest]))).toContain('is not JSON')
    expect(await refusal(pack([rest[0]!, manifest!, ...rest.slice(1)]))).toContain('is not in its place')
    expect(await refusal(pack([manifest!, manifest!, ...rest]))).toContain('is not in its place')
  })

  test('a trailer that says less, or excuses what is damaged', async () => {
    const [first] = members.filter(({ name }) => name.startsWith('blobs/')).map(({ name }) => name.slice(6))
    const honest = JSON.parse(members.at(-1)!.bytes.toString()) as BackupTrailer

    expect(await refusal(pack(members, { members: honest.members.slice(0, -1) }))).toContain('is damaged')
    expect(await refusal(pack(members, { blobs: { ...honest.blobs, count: 0 } }))).toContain('members are missing')
    expect(await refusal(pack(members, { lost: [{ sha256: first!, state: 'missing' }] }))).toContain('are missing')
    expect(await refusal(pack(members, { lost: [{ sha256: first!, state: 'damaged' }] }))).toContain('members are missing')
  })
})
