/** Stored bytes that went bad: what Composer does with them, and how the registry mends itself. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scrubBlobs } from '../../src/core/sources/index.ts'
import { SYSTEM } from '../../src/app.ts'
import { objectPath } from '../../src/platform/blobs/paths.ts'
import { createProject, type ComposerProject } from './kit/composer.ts'
import { createReleases } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string

beforeAll(async () => {
  registry = await startRegistry()
  await registry.cli('org', 'create', 'acme')
  await registry.publish('acme', await createReleases('acme/library', { '1.0.0': {}, '1.1.0': {} }))
  await registry.settle()
  token = await registry.token('acme')
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function project(version: string): ComposerProject {
  return createProject(registry, { token, require: { 'acme/library': version } })
}

/** The file of the archive that a project has locked. */
async function blobOf({ locked }: ComposerProject): Promise<string> {
  const shasum = locked()[0]?.dist?.shasum ?? ''
  const row = await registry.inside(({ ports }) =>
    ports.database.read.selectFrom('dists').select('sha256').where('sha1', '=', shasum).executeTakeFirstOrThrow(),
  )
  return join(registry.dataDirectory, 'blobs', objectPath(row.sha256 ?? '').path)
}

/** How many archives were built, not how many jobs looked whether they must. */
function countBuilds(): Promise<number> {
  return registry.inside(async ({ ports }) => {
    const events = await ports.database.read.selectFrom('events').select('id').where('type', '=', 'dist.built').execute()
    return events.length
  })
}

/** What the weekly check of all archives does. */
function scrub(): Promise<{ damaged: number; missing: number }> {
  const report = { async step() {}, progress() {}, log() {} }
  const origin = { surface: 'test', address: null, agent: null, requestId: null }
  return registry.inside((app) => scrubBlobs(app.ctx(SYSTEM, origin), report))
}

test('CO-072 Composer refuses an archive whose stored bytes were changed; the check finds it and the rebuilt one has the same checksum', async () => {
  const used = project('1.0.0')
  await used.succeed(['update', '--no-install'])
  const blob = await blobOf(used)
  const original = readFileSync(blob)
  const tampered = Buffer.from(original)
  tampered[40] = (tampered[40] ?? 0) ^ 0xff
  writeFileSync(blob, tampered)

  const refused = await used.composer(['install', '--prefer-dist'])
  const kept = used.read('vendor/acme/library/CONTENT')
  const found = await scrub()
  await registry.settle()
  await used.succeed(['install', '--prefer-dist'])

  expect(refused.code).not.toBe(0)
  expect(refused.output).toContain('The checksum verification of the file failed')
  expect(kept).toBeNull()
  expect(found).toEqual({ damaged: 1, missing: 0 })
  expect(readFileSync(blob).equals(original)).toBe(true)
  expect(used.read('vendor/acme/library/CONTENT')).toBe('acme/library 1.0.0')
}, 30_000)

test('CO-072 CO-085 an archive that was lost is built again while the clients wait, byte for byte', async () => {
  const first = project('1.1.0')
  const second = project('1.1.0')
  await Promise.all([first.succeed(['update', '--no-install']), second.succeed(['update', '--no-install'])])
  rmSync(await blobOf(first))
  const before = await countBuilds()

  await Promise.all([first.succeed(['install', '--prefer-dist']), second.succeed(['install', '--prefer-dist'])])

  expect((await countBuilds()) - before).toBe(1)
  expect(first.read('vendor/acme/library/CONTENT')).toBe('acme/library 1.1.0')
  expect(second.read('vendor/acme/library/CONTENT')).toBe('acme/library 1.1.0')
})
