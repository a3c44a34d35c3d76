/**
 * `kill -9` at every step of making and of restoring a backup. A backup is there as a whole or not at all; a restore leaves a folder
 * on which nothing starts, until the same restore was run to its end.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createBackup } from '../../src/backup/create-backup.ts'
import { verifyBackup } from '../../src/backup/verify-backup.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import { addSource, uploadArtifact } from '../../src/core/sources/index.ts'
import { scratchDirectory } from '../kit/database.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { packageCommit } from '../kit/git-source.ts'
import { buildZip, streamOf } from '../kit/archives.ts'
import { readRecord, type Published } from './crash-record.ts'
import { configOf, lineReader, openInstallation, operatorCtx, runJobs } from './installation.ts'

let directory: string
let repository: TestRepository
let template: string
let backup: string
let published: Published

beforeAll(async () => {
  directory = scratchDirectory('backup-crash')
  template = join(directory, 'template')
  backup = join(directory, 'template.tar')
  await Bun.build({
    entrypoints: [join(import.meta.dir, 'backup-child.ts')],
    outdir: directory,
    target: 'bun',
    format: 'cjs',
    bytecode: true,
    throw: true,
  })
  repository = await createTestRepository()
  const [first = '', second = ''] = await repository.commit(
    packageCommit({ description: 'a' }),
    packageCommit({ description: 'b' }),
  )
  await repository.setRefs({ 'refs/heads/main': second, 'refs/tags/v1.0.0': first, 'refs/tags/v1.1.0': second })
  const app = await openInstallation(configOf(template))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await addSource(operatorCtx(app), { organization, url: repository.url, credential: null })
  await runJobs(app)
  await uploadArtifact(operatorCtx(app), {
    organization,
    content: streamOf(buildZip([{ name: 'composer.json', data: '{"name":"acme/uploaded","version":"2.0.0"}' }])),
    fileName: 'uploaded.zip',
    expected: { name: null, version: null },
    onExisting: 'refuse',
    sha256: null,
  })
  await createBackup(app, operatorCtx(app), { path: backup, withMirrors: true, withKey: true, onProgress: () => {} })
  await app.close()
  published = (await readRecord(template, 'acme')).published
}, 60_000)

afterAll(async () => {
  await repository.remove()
  rmSync(directory, { recursive: true, force: true })
})

/** Runs the child; returns the steps that it reported. */
async function runChild(order: 'create' | 'restore', data: string, path: string, kill: number): Promise<string[]> {
  const child = Bun.spawn([process.execPath, join(directory, 'backup-child.js'), order, data, path, String(kill)], {
    env: { ...process.env, TMPDIR: directory },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = await lineReader(child.stdout).rest()
  await child.exited
  expect(kill === 0 ? child.exitCode : child.signalCode).toBe(kill === 0 ? 0 : 'SIGKILL')
  return lines
}

async function expectWhole(path: string): Promise<void> {
  const { scratch, summary } = await verifyBackup(path, () => {})
  await scratch.drop()
  expect(summary).toMatchObject({ lost: [], mirrors: 1, hasKey: true })
}

/** The first, the last and some reports between of each step. */
function killPoints(steps: readonly string[]): number[] {
  const points = new Set<number>()
  for (const step of new Set(steps)) {
    const first = steps.indexOf(step)
    const last = steps.lastIndexOf(step)
    for (const index of [first, Math.floor((first + last) / 2), last]) {
      points.add(index + 1)
    }
  }
  return [...points].toSorted((left, right) => left - right)
}

describe('a backup whose making is killed', () => {
  test('leaves no file of its name before the end, a whole one at it, and the next one is made', async () => {
    const data = join(directory, 'made')
    cpSync(template, data, { recursive: true })
    const steps = await runChild('create', data, join(directory, 'undisturbed.tar'), 0)
    const seen: boolean[] = []

    for (const kill of killPoints(steps)) {
      const path = join(directory, `killed-${kill}.tar`)
      await runChild('create', data, path, kill)
      seen.push(existsSync(path))
      if (existsSync(path)) {
        await expectWhole(path)
      } else {
        await runChild('create', data, path, 0)
        await expectWhole(path)
      }
    }

    expect(seen.filter(Boolean)).toHaveLength(1)
    expect(seen.at(-1)).toBe(true)
    expect((await readRecord(data, 'acme')).published).toEqual(published)
  }, 120_000)
})

describe('a restore that is killed', () => {
  test('leaves nothing or a folder that nothing starts on, and is completed by running it again', async () => {
    const steps = await runChild('restore', join(directory, 'undisturbed'), backup, 0)
    expect((await readRecord(join(directory, 'undisturbed'), 'acme')).published).toEqual(published)
    const seen: string[] = []

    for (const kill of killPoints(steps)) {
      const data = join(directory, `restored-${kill}`)
      await runChild('restore', data, backup, kill)
      if (existsSync(data)) {
        seen.push(`${steps[kill - 1]}: begun`)
        await expect(openInstallation(configOf(data))).rejects.toThrow(
          'Run "repertoire backup restore" with the same backup again',
        )
      } else {
        seen.push(`${steps[kill - 1]}: nothing`)
      }
      await runChild('restore', data, backup, 0)
      expect((await readRecord(data, 'acme')).published).toEqual(published)
      expect(readdirSync(data)).not.toContain('restore.incomplete')
      const app = await openInstallation(configOf(data))
      await runJobs(app)
      await app.close()
    }

    expect([...new Set(seen)]).toEqual([
      'Checking tables: nothing',
      'Checking archives: nothing',
      'Checking mirrors: nothing',
      'Restoring archives: begun',
      'Restoring mirrors: begun',
      'Restoring tables: begun',
      'Finishing: begun',
    ])
  }, 120_000)
})
