import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { zipWith } from '../kit/archives.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let directory: string
let repository: TestRepository
let cli: CliFixture
let backup: string

beforeAll(async () => {
  directory = scratchDirectory('backup')
  repository = await createTestRepository()
  const [first = '', second = ''] = await repository.commit(
    { files: { 'composer.json': '{"name":"acme/widgets"}' } },
    { files: { 'composer.json': '{"name":"acme/widgets"}', 'a.php': '<?php' } },
  )
  await repository.setRefs({ 'refs/heads/main': second, 'refs/tags/v1.0.0': first })
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
  await cli.succeed(['token', 'create', 'acme', '--name', 'deploy'])
  await cli.succeed(['source', 'add', 'acme', repository.url])
  writeFileSync(join(directory, 'http.zip'), zipWith())
  await cli.succeed(['artifact', 'upload', 'acme', join(directory, 'http.zip'), '--package-version', '1.0.0'])
  backup = join(directory, 'backup.tar')
  await cli.succeed(['backup', 'create', backup])
}, 60_000)
afterAll(async () => {
  await repository.remove()
  cli.end()
  rmSync(directory, { recursive: true, force: true })
})

/** A folder that holds the key only, as an operator prepares it. */
function emptyTarget(name: string, key = true): { REPERTOIRE_DATA: string } {
  const data = join(directory, name)
  mkdirSync(data, { mode: 0o700 })
  if (key) {
    copyFileSync(join(cli.directory, 'secret.key'), join(data, 'secret.key'))
    chmodSync(join(data, 'secret.key'), 0o600)
  }
  return { REPERTOIRE_DATA: data }
}

async function packageOf(env: Record<string, string>) {
  const shown = await cli.succeed(['package', 'show', 'acme', 'acme/widgets', '--json'], { env })
  const { modifiedAt, ...rest } = shown.json<Record<string, unknown>>()
  return { modifiedAt: String(modifiedAt), rest }
}

describe('backup create', () => {
  test('writes one file for its owner only, of plain members, and says that the key is not in it', async () => {
    const made = await cli.succeed(['backup', 'create', join(directory, 'made.tar')])

    expect(made.stdout).toContain('Wrote ')
    expect(made.stderr).toContain('The secret key is not in the backup')
    expect(statSync(join(directory, 'made.tar')).mode & 0o777).toBe(0o600)
    expect(readdirSync(directory).filter((name) => name.endsWith('.partial'))).toEqual([])
    const listed = Bun.spawnSync(['tar', 'tf', join(directory, 'made.tar')])
      .stdout.toString()
      .trim()
      .split('\n')
    expect(listed[0]).toBe('manifest.json')
    expect(listed.at(-1)).toBe('trailer.json')
    const key = readFileSync(join(cli.directory, 'secret.key'), 'utf8').trim()
    expect(readFileSync(join(directory, 'made.tar'), 'latin1')).not.toContain(key)
  })

  test('into a folder names the file by the time', async () => {
    const folder = join(directory, 'folder')
    mkdirSync(folder)

    await cli.succeed(['backup', 'create', folder, '--without-mirrors'])

    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^repertoire-\d{4}-\d\d-\d\d-\d{6}\.tar$/)])
  })

  test('never replaces a file', async () => {
    writeFileSync(join(directory, 'precious'), 'mine')

    const refused = await cli.run(['backup', 'create', join(directory, 'precious'), '--json'])

    expect(refused.code).toBe(4)
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'backup_exists' } })
    expect(readFileSync(join(directory, 'precious'), 'utf8')).toBe('mine')
  })

  test('into a folder that is not there says so and leaves nothing', async () => {
    const refused = await cli.run(['backup', 'create', join(directory, 'absent', 'x.tar')])

    expect(refused.code).toBe(5)
    expect(refused.stderr).toContain('Storage is unavailable')
  })

  test('reports archives that storage lost, and goes on', async () => {
    const sample = createCliFixture()
    await sample.succeed(['org', 'create', 'acme'])
    await sample.succeed(['artifact', 'upload', 'acme', join(directory, 'http.zip'), '--package-version', '1.0.0'])
    rmSync(join(sample.directory, 'blobs'), { recursive: true })
    const path = join(directory, 'lost.tar')

    const made = await sample.succeed(['backup', 'create', path, '--with-key'])
    const env = emptyTarget('lost', false)
    const restored = await sample.succeed(['backup', 'restore', path], { env })
    sample.end()

    expect(made.stderr).toContain('1 archive could not be read')
    expect(made.stderr).toContain('WARNING: this backup holds the secret key')
    expect(restored.stderr).toContain('the archive of the upload acme: acme/http 1.0.0 is lost; upload the same file again')
    expect(statSync(join(env.REPERTOIRE_DATA, 'secret.key')).mode & 0o777).toBe(0o600)
  })
})

describe('backup verify', () => {
  test('says what is in a whole backup', async () => {
    const verified = await cli.succeed(['backup', 'verify', backup, '--json'])

    expect(verified.json()).toMatchObject({
      isWhole: true,
      hasKey: false,
      mirrors: 1,
      lost: [],
      tables: { packages: 2, tokens: 1 },
    })
    expect(verified.stderr).toBe('')
  })

  test('never accepts a backup that was cut off, wherever', async () => {
    const { size } = statSync(backup)
    const path = join(directory, 'cut.tar')
    for (const left of [0, 100, 511, 512, 2_000, Math.floor(size / 2), size - 1025, size - 1024, size - 512, size - 1]) {
      copyFileSync(backup, path)
      truncateSync(path, left)

      const verified = await cli.run(['backup', 'verify', path, '--json'])

      expect([left, verified.code]).toEqual([left, 4])
      expect(JSON.parse(verified.stderr)).toMatchObject({ error: { code: 'invalid_backup' } })
    }
  })

  test('never accepts a backup in which a byte is another', async () => {
    const bytes = readFileSync(backup)
    const path = join(directory, 'changed.tar')
    for (let position = 7; position < bytes.length - 1024; position += Math.floor(bytes.length / 40)) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(position) ^ 1, position)
      writeFileSync(path, changed)

      expect([position, (await cli.run(['backup', 'verify', path])).code]).toEqual([position, 4])
    }
  })
})

describe('backup restore', () => {
  test('brings back packages, archives, mirrors and tokens', async () => {
    const env = emptyTarget('whole')
    const before = await packageOf({})

    await cli.succeed(['backup', 'restore', backup], { env })

    const after = await packageOf(env)
    expect(after.rest).toEqual(before.rest)
    expect(existsSync(join(env.REPERTOIRE_DATA, 'restore.incomplete'))).toBe(false)
    const synced = await cli.succeed(['source', 'sync', 'acme', repository.url, '--json'], { env })
    expect(synced.json()).toMatchObject({ state: 'ready', versions: 2 })
    expect((await cli.succeed(['job', 'list', '--state', 'failed', '--json'], { env })).json<unknown>()).toEqual([])
  })

  test('moves the clock of every package, so that clients do not keep what the lost installation told them', async () => {
    const env = emptyTarget('clock')
    const before = await packageOf({})

    await cli.succeed(['backup', 'restore', backup], { env })

    expect(Date.parse((await packageOf(env)).modifiedAt)).toBeGreaterThan(Date.parse(before.modifiedAt))
  })

  test('abuse 60: names the tokens that work again, because nobody knows which were revoked since', async () => {
    const env = emptyTarget('tokens')

    const restored = await cli.succeed(['backup', 'restore', backup], { env })

    expect(restored.stderr).toContain('WARNING: 1 token works as when the backup was made')
    expect(restored.stderr).toContain('deploy')
  })

  test('abuse 60: --revoke-tokens leaves none that works', async () => {
    const env = emptyTarget('revoked')

    const restored = await cli.succeed(['backup', 'restore', backup, '--revoke-tokens', '--json'], { env })
    const listed = await cli.succeed(['token', 'list', 'acme', '--json'], { env })

    expect(restored.json()).toMatchObject({ revokedTokens: 1, tokens: [] })
    expect(listed.json<{ revokedAt: string | null }[]>().every(({ revokedAt }) => revokedAt !== null)).toBe(true)
  })

  test('refuses a folder that holds anything, names it, and touches nothing', async () => {
    const env = emptyTarget('occupied')
    writeFileSync(join(env.REPERTOIRE_DATA, 'notes.txt'), 'mine')

    const refused = await cli.run(['backup', 'restore', backup], { env })
    const running = await cli.run(['backup', 'restore', backup])

    expect(refused.code).toBe(4)
    expect(refused.stderr).toContain('notes.txt')
    expect(readdirSync(env.REPERTOIRE_DATA).toSorted()).toEqual(['notes.txt', 'secret.key'])
    expect(running.code).toBe(4)
    expect(running.stderr).toContain('repertoire.db')
  })

  test('refuses without the key, and with another one, before anything is written', async () => {
    const without = emptyTarget('keyless', false)
    const other = { ...emptyTarget('other-key', false), REPERTOIRE_SECRET_KEY: '0'.repeat(64) }

    const refused = await cli.run(['backup', 'restore', backup], { env: without })
    const mistaken = await cli.run(['backup', 'restore', backup], { env: other })

    expect([refused.code, mistaken.code]).toEqual([4, 4])
    expect(refused.stderr).toContain('Put the secret.key of the lost installation into')
    expect(mistaken.stderr).toContain('Give the key of the installation that the backup is of')
    expect([readdirSync(without.REPERTOIRE_DATA), readdirSync(other.REPERTOIRE_DATA)]).toEqual([[], []])
  })

  test('of a damaged backup writes nothing', async () => {
    const path = join(directory, 'damaged.tar')
    copyFileSync(backup, path)
    truncateSync(path, statSync(backup).size - 2_000)
    const env = emptyTarget('damaged')

    const refused = await cli.run(['backup', 'restore', path], { env })

    expect(refused.code).toBe(4)
    expect(readdirSync(env.REPERTOIRE_DATA)).toEqual(['secret.key'])
  })
})
