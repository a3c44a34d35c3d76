/**
 * `kill -9` at every step of publishing an uploaded archive: while it is received, between the bytes and their row, at each write of the
 * transaction, and after its commit. The old version is published or the new one, with its bytes, and the same upload completes it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createOrganization } from '../../src/core/access/index.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { collectBlobs, uploadArtifact } from '../../src/core/sources/index.ts'
import { buildZip } from '../kit/archives.ts'
import { scratchDirectory } from '../kit/database.ts'
import { memoryReport } from '../kit/git-source.ts'
import { expectGrown, expectSwept, readRecord } from './crash-record.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'
import type { UploadPoint } from './upload-child.ts'

const OLD = archive('old')
const NEW = archive('new')
const REFERENCES = { old: sha1(OLD), new: sha1(NEW) }

let directory: string

/** Some incompressible kilobytes, so that a stream of it has several chunks. */
function archive(word: string): Uint8Array {
  const noise = Buffer.concat(
    Array.from({ length: 20_000 }, (_, part) => createHash('sha256').update(`${word} ${part}`).digest()),
  )
  const composer = JSON.stringify({ name: 'acme/uploaded', version: '1.0.0', description: word, provide: { 'acme/api': '1.0' } })
  return buildZip([
    { name: 'composer.json', data: composer },
    { name: 'noise', data: noise },
  ])
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}

beforeAll(async () => {
  directory = scratchDirectory('upload-crash')
  writeFileSync(join(directory, 'old.zip'), OLD)
  writeFileSync(join(directory, 'new.zip'), NEW)
  await Bun.build({
    entrypoints: [join(import.meta.dir, 'upload-child.ts')],
    outdir: directory,
    target: 'bun',
    format: 'cjs',
    bytecode: true,
    throw: true,
  })
  const app = await openInstallation(configOf(join(directory, 'empty')))
  await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  await app.close()
  const other = join(directory, 'published')
  cpSync(join(directory, 'empty'), other, { recursive: true })
  const published = await openInstallation(configOf(other))
  await uploadArtifact(operatorCtx(published), {
    organization: 1 as OrganizationId,
    content: Bun.file(join(directory, 'old.zip')).stream(),
    fileName: 'upload.zip',
    expected: { name: null, version: null },
    onExisting: 'refuse',
    sha256: null,
  })
  await published.close()
}, 60_000)

afterAll(() => rmSync(directory, { recursive: true, force: true }))

const POINTS: { name: string; point: UploadPoint; left: 'old' | 'new' }[] = [
  ...[1, 100_000, NEW.length].map((bytes) => ({
    name: `when ${bytes} bytes were received`,
    point: { at: 'received', bytes } as UploadPoint,
    left: 'old' as const,
  })),
  { name: 'when all was received', point: { at: 'staged' }, left: 'old' },
  { name: 'between the bytes and their row', point: { at: 'kept' }, left: 'old' },
  ...Array.from({ length: 12 }, (_, index) => ({
    name: `after write ${index + 1} of the transaction`,
    point: { at: 'write', writes: index + 1 } as UploadPoint,
    left: 'old' as const,
  })),
  { name: 'right before the commit', point: { at: 'before-commit' }, left: 'old' },
  { name: 'right after the commit', point: { at: 'after-commit' }, left: 'new' },
  { name: 'after everything', point: { at: 'discarded' }, left: 'new' },
]

async function upload(data: string, point: UploadPoint): Promise<{ signal: NodeJS.Signals | number | null; printed: string }> {
  const child = Bun.spawn(
    [process.execPath, join(directory, 'upload-child.js'), data, join(directory, 'new.zip'), JSON.stringify(point)],
    {
      stdout: 'pipe',
      stderr: 'inherit',
    },
  )
  const printed = (await child.stdout.text()).trim()
  await child.exited
  return { signal: child.signalCode, printed }
}

/** The references that metadata shows, after checking every stored byte. */
async function shown(data: string): Promise<string[]> {
  const { published } = await readRecord(data, 'acme')
  for (const { reference } of published.versions) {
    expect(published.archives[reference]).not.toBeNull()
  }
  return published.versions.map(({ reference }) => reference)
}

describe.each([
  { state: 'a package that is new', template: 'empty', old: [] as string[] },
  { state: 'a version that is replaced', template: 'published', old: [REFERENCES.old] as string[] },
])('an upload of $state, killed', ({ template, old }) => {
  test.each(POINTS)('$name, leaves old or new, and the same upload completes it', async ({ name, point, left }) => {
    const data = join(directory, `${template}-${name.replaceAll(' ', '-')}`)
    cpSync(join(directory, template), data, { recursive: true })
    const before = (await readRecord(data, 'acme')).grown

    const killed = await upload(data, point)

    expect(killed.signal).toBe('SIGKILL')
    expect(await shown(data)).toEqual(left === 'new' ? [REFERENCES.new] : old)
    const between = (await readRecord(data, 'acme')).grown
    expectGrown(before, between)
    const again = await upload(data, { at: 'survived' })
    const fresh = old.length === 0 ? 'published' : 'replaced'
    expect(again).toEqual({ signal: null, printed: left === 'new' ? 'unchanged' : fresh })
    expect(await shown(data)).toEqual([REFERENCES.new])
    expectGrown(between, (await readRecord(data, 'acme')).grown)
    await expectSwept(data)
  })
})

test('bytes that no row names are never served, and are collected once they are old', async () => {
  const data = join(directory, 'dangling')
  cpSync(join(directory, 'empty'), data, { recursive: true })
  await upload(data, { at: 'kept' })
  const app = await openInstallation(configOf(data))
  const day = 24 * 60 * 60 * 1000
  const later = { ...operatorCtx(app), now: app.ports.clock.now() + 2 * day }

  const kept = await Array.fromAsync(app.blobs.list())
  const packages = await app.ports.database.read.selectFrom('dists').select('id').execute()
  const removed = await collectBlobs(later, memoryReport())
  await app.close()

  expect(kept).toHaveLength(1)
  expect(packages).toEqual([])
  expect(removed).toEqual({ removed: 1 })
})

test('nothing is collected while a backup runs', async () => {
  const data = join(directory, 'held')
  cpSync(join(directory, 'empty'), data, { recursive: true })
  await upload(data, { at: 'kept' })
  const app = await openInstallation(configOf(data))
  const now = app.ports.clock.now() + 2 * 24 * 60 * 60 * 1000
  const { holdBlobs, releaseBlobs } = await import('../../src/core/instance/index.ts')
  const until = await holdBlobs(app.ports.database.write, now)

  const held = await collectBlobs({ ...operatorCtx(app), now }, memoryReport())
  await releaseBlobs(app.ports.database.write, until)
  const released = await collectBlobs({ ...operatorCtx(app), now }, memoryReport())
  await app.close()

  expect([held.removed, released.removed]).toEqual([0, 1])
})
