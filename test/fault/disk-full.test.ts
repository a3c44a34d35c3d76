/** Abuse 54: a disk that is full, or read-only, while an installation works on it. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createOrganization } from '../../src/core/access/index.ts'
import { addSource } from '../../src/core/sources/index.ts'
import { scratchDirectory } from '../kit/database.ts'
import { packageCommit, temporaryRepository } from '../kit/git-source.ts'
import type { TestRepository } from '../kit/git-repository.ts'
import { configOf, lineReader, openInstallation, operatorCtx, runJobs } from './installation.ts'

const CHILD = join(import.meta.dir, 'disk-child.ts')
const TAGS = 40

let directory: string
let data: string
let mounted = false

beforeEach(() => {
  directory = scratchDirectory('disk')
  data = join(directory, 'data')
  mkdirSync(data)
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'repertoire-test', data]).status === 0
})

afterEach(() => {
  if (mounted) {
    spawnSync('umount', ['-l', data])
  }
  rmSync(directory, { recursive: true, force: true })
})

/** An installation with a package of one version, whose repository then gets many versions with large manifests. */
async function prepare(): Promise<{ repository: TestRepository; large: string }> {
  const repository = await temporaryRepository()
  const noise = crypto.getRandomValues(Buffer.alloc(60_000))
  const large = Buffer.concat(
    Array.from({ length: 50 }, (_, part) => Buffer.concat([noise, Buffer.from([part])]).map((byte) => byte ^ part)),
  )
  const [first = '', second = ''] = await repository.commit(packageCommit({}), packageCommit({}, { large }))
  await repository.setRefs({ 'refs/heads/main': first, 'refs/heads/large': second })
  const app = await openInstallation(configOf(data))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  await app.close()
  const texts = Array.from({ length: TAGS }, (_, tag) => packageCommit({ extra: { notes: `${tag} `.repeat(30_000) } }))
  const commits = await repository.commit(...texts)
  await repository.setRefs(Object.fromEntries(commits.map((commit, tag) => [`refs/tags/v1.${tag}.0`, commit])))
  return { repository, large: second }
}

interface Found {
  versions: number
  archives: string[]
  jobs: { kind: string; state: string; attempts: number; code: string | null; error: string | null }[]
}

/** A server that can be starved. Where no disk may be mounted, the largest file that a process may write takes its place. */
async function startServer(stop: string) {
  const command = [process.execPath, CHILD, data, stop]
  const child = Bun.spawn(mounted ? command : ['sh', '-c', 'trap "" XFSZ; exec "$@"', 'sh', ...command], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = lineReader(child.stdout)
  const passed: string[] = []
  expect(await lines.next()).toBe('ready')
  return {
    async tell(line: string) {
      await child.stdin.write(`${line}\n`)
      await child.stdin.flush()
    },
    async ask(): Promise<Found> {
      await this.tell('state')
      // The job may begin its next try in between.
      for (let line = await lines.next(); line !== null; line = await lines.next()) {
        if (line.startsWith('{')) {
          return JSON.parse(line) as Found
        }
        passed.push(line)
      }
      throw new Error('The server ended.')
    },
    next: async () => passed.shift() ?? lines.next(),
    starve: () => (mounted ? fillDisk() : limitFiles(child.pid, String(statSync(join(data, 'repertoire.db')).size))),
    feed: () => (mounted ? rmSync(join(data, 'ballast')) : limitFiles(child.pid, 'unlimited')),
    async end() {
      await child.stdin.end()
      expect(await child.exited).toBe(0)
    },
  }
}

function fillDisk(): void {
  for (const size of [1_048_576, 4_096]) {
    try {
      for (;;) {
        writeFileSync(join(data, 'ballast'), Buffer.alloc(size), { flag: 'a' })
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' })
    }
  }
}

function limitFiles(pid: number, soft: string): void {
  expect(spawnSync('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`]).status).toBe(0)
}

function expectFull(found: Found): void {
  const [job] = found.jobs
  // The failure itself may have found no room in the database yet.
  expect(['running', 'queued']).toContain(job!.state)
  if (job!.state === 'queued') {
    expect(job).toMatchObject({
      code: 'storage_unavailable',
      error: expect.stringMatching(/disk is full|disk reports an error|larger than this/),
    })
  }
}

describe('abuse 54: a full disk', () => {
  test('while a sync is recorded fails the job and publishes nothing; reads go on, and with room the retry succeeds', async () => {
    await prepare()
    const server = await startServer('record')
    await server.tell('sync')
    expect(await server.next()).toBe('at record')
    server.starve()
    await server.tell('go on')
    expect(await server.next()).toBe('failed')

    const starved = await server.ask()
    expectFull(starved)
    expect(starved.versions).toBe(2)

    server.feed()
    expect(await server.next()).toBe('at record')
    await server.tell('go on')
    expect(await server.next()).toBe('idle')
    const fed = await server.ask()
    expect(fed.versions).toBe(2 + TAGS)
    expect(fed.jobs[0]).toMatchObject({ kind: 'source.sync', state: 'succeeded', code: null })
    await server.end()
  }, 60_000)

  test('while an archive is built fails the job and leaves no blob; with room the retry succeeds', async () => {
    const { large } = await prepare()
    const server = await startServer('archive')
    const before = await server.ask()
    const app = ['archive', large].join(' ')
    rmSync(join(data, 'blobs'), { recursive: true, force: true })
    await server.tell(app)
    expect(await server.next()).toBe('at archive')
    server.starve()
    await server.tell('go on')
    expect(await server.next()).toBe('failed')

    const starved = await server.ask()
    expectFull(starved)
    expect(starved.versions).toBe(before.versions)
    expect(readdirSync(join(data, 'blobs'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())).toEqual(
      [],
    )

    server.feed()
    expect(await server.next()).toBe('at archive')
    await server.tell('go on')
    expect(await server.next()).toBe('idle')
    expect((await server.ask()).jobs[0]).toMatchObject({ kind: 'archive.build', state: 'succeeded', code: null })
    await server.end()
  }, 60_000)
})

describe('abuse 54: a read-only disk', () => {
  test('at the start is refused with what is the matter, and nothing is lost', async () => {
    await prepare()
    const readOnly = join(directory, 'read-only')
    cpSync(data, readOnly, { recursive: true })
    // Where no disk may be mounted, `/sys` takes its place: it accepts no file from anybody.
    const place = mounted ? data : '/sys'
    if (mounted) {
      expect(spawnSync('mount', ['-o', 'remount,ro', data]).status).toBe(0)
    }

    const failure: unknown = await openInstallation(configOf(place, { REPERTOIRE_SECRET_KEY: 'ab'.repeat(32) })).catch(
      (error: unknown) => error,
    )

    expect(String(failure)).toMatch(/read-only|cannot be opened/)
    expect(failure).toMatchObject({ code: 'storage_unavailable' })
    if (mounted) {
      expect(spawnSync('mount', ['-o', 'remount,rw', data]).status).toBe(0)
    }
    const app = await openInstallation(configOf(mounted ? data : readOnly))
    expect(await app.ports.database.read.selectFrom('versions').select('id').execute()).toHaveLength(2)
    await app.close()
  })
})
