import { afterEach, beforeEach, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tryLockData } from '../../src/platform/db/data-lock.ts'
import { createCliFixture, type CliCall, type CliFixture } from './cli-fixture.ts'

interface Finding {
  check: string
  status: 'ok' | 'warning' | 'problem'
  message: string
  advice: string | null
}

let cli: CliFixture

beforeEach(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

async function examine(call: CliCall = {}): Promise<{ code: number; finding(check: string): Finding | undefined }> {
  const result = await cli.run(['doctor', '--json'], call)
  const { findings } = result.json<{ findings: Finding[] }>()
  return { code: result.code, finding: (check) => findings.find((found) => found.check === check) }
}

test('a sound installation has no problems', async () => {
  const result = await cli.run(['doctor'])
  const lines = result.stdout.trimEnd().split('\n')

  expect(result.code).toBe(0)
  expect(lines.filter((line) => line.startsWith('ok')).map((line) => line.split(/ +/)[1])).toEqual(
    expect.arrayContaining(['configuration', 'data', 'key', 'database', 'clock', 'jobs', 'sources', 'advisories', 'git']),
  )
  expect(result.stdout).toMatch(/^warning {2}url +No public address is set\.\n +→ Set REPERTOIRE_URL/m)
})

test('settings that are not valid are the only finding', async () => {
  const { code, finding } = await examine({ env: { REPERTOIRE_PORT: 'many' } })

  expect(code).toBe(1)
  expect(finding('configuration')).toMatchObject({ status: 'problem', message: expect.stringContaining('REPERTOIRE_PORT') })
  expect(finding('git')).toBeUndefined()
})

test('a data folder that is not there is a problem and is not created', async () => {
  const directory = join(cli.directory, 'elsewhere')

  const { code, finding } = await examine({ env: { REPERTOIRE_DATA: directory } })

  expect(code).toBe(1)
  expect(finding('data')).toMatchObject({ status: 'problem', message: `${directory} does not exist.` })
  expect(await Bun.file(join(directory, 'repertoire.db')).exists()).toBe(false)
})

test('a wrong key and a key that others may read are problems of the key', async () => {
  const wrong = await examine({ env: { REPERTOIRE_SECRET_KEY: 'ab'.repeat(32) } })
  chmodSync(join(cli.directory, 'secret.key'), 0o644)
  const open = await examine()

  expect([wrong.code, open.code]).toEqual([1, 1])
  expect(wrong.finding('key')?.status).toBe('problem')
  expect(open.finding('key')).toMatchObject({ status: 'problem', message: expect.stringContaining('chmod 600') })
})

test('a damaged database and one that does not answer are problems of the database', async () => {
  const answerless = await examine({ env: { REPERTOIRE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } })
  for (const suffix of ['', '-wal', '-shm']) {
    writeFileSync(join(cli.directory, `repertoire.db${suffix}`), 'This is not a database. '.repeat(100))
  }
  const damaged = await examine()

  expect([answerless.code, damaged.code]).toEqual([1, 1])
  expect(answerless.finding('database')?.advice).toContain('REPERTOIRE_DATABASE_URL')
  expect(damaged.finding('database')?.advice).toContain('backup')
})

test.each([
  ['is too old', 'echo git version 2.29.9', 'git version 2.29.9 is too old.'],
  ['fails', 'exit 1', 'git is not installed or does not run.'],
])('git that %s is a problem', async (_, script, message) => {
  const programs = join(cli.directory, 'programs')
  mkdirSync(programs)
  writeFileSync(join(programs, 'git'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })

  const { code, finding } = await examine({ env: { PATH: `${programs}:/usr/bin:/bin` } })

  expect(code).toBe(1)
  expect(finding('git')).toMatchObject({ status: 'problem', message })
})

test('without ssh there is a warning only', async () => {
  const programs = join(cli.directory, 'programs')
  mkdirSync(programs)
  writeFileSync(join(programs, 'git'), '#!/bin/sh\necho git version 2.45.1\n', { mode: 0o755 })

  const { code, finding } = await examine({ env: { PATH: programs } })

  expect(code).toBe(0)
  expect(finding('ssh')?.status).toBe('warning')
})

test('the public address is asked when a server runs, and must answer as one', async () => {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ status: 'ok' }) })
  const other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('<h1>Welcome</h1>') })
  const at = (port: number | undefined) => ({ env: { REPERTOIRE_URL: `http://127.0.0.1:${port}` } })

  const good = await examine(at(server.port))
  const bad = await examine(at(other.port))
  const idle = await examine(at(1))
  const lock = tryLockData(cli.directory)
  const away = await examine(at(1))
  lock?.release()
  await server.stop(true)
  await other.stop(true)

  expect([good.code, bad.code, idle.code, away.code]).toEqual([0, 1, 0, 1])
  expect(good.finding('url')?.message).toContain('answers.')
  expect(bad.finding('url')?.message).toContain('not as this server does')
  expect(idle.finding('url')?.message).toContain('no server runs')
  expect(away.finding('url')?.message).toContain('does not answer')
})

test('failing sources, failed jobs and jobs that nobody runs are reported', async () => {
  await cli.run(['source', 'add', 'acme', `file://${cli.directory}/missing`])
  const failing = await examine()
  const database = new (await import('bun:sqlite')).Database(join(cli.directory, 'repertoire.db'))
  database.run("UPDATE jobs SET state = 'queued', run_at = run_at - 3600000")
  const stuck = await examine()
  database.run("UPDATE jobs SET state = 'failed', created_at = created_at + 3600000")
  const failed = await examine()
  database.close()

  expect(failing.finding('sources')).toMatchObject({ status: 'warning', message: expect.stringContaining('acme (1)') })
  expect([stuck.code, stuck.finding('jobs')?.message]).toEqual([1, expect.stringContaining('Jobs wait for more than 10 minutes')])
  expect(failed.finding('jobs')).toMatchObject({ status: 'warning', message: '1 job failed.' })
  expect(failed.finding('clock')?.status).toBe('warning')
})

test('advisories that never came are a warning, unless nobody is asked', async () => {
  const never = await examine({ env: { REPERTOIRE_ADVISORY_FEED: 'https://advisories.example.org/' } })
  const off = await examine()

  expect(never.finding('advisories')).toMatchObject({
    status: 'warning',
    message: 'The feed has not answered yet; clients are warned.',
  })
  expect(off.finding('advisories')?.status).toBe('ok')
  expect([never.code, off.code]).toEqual([0, 0])
})
