import { afterEach, beforeEach, expect, test } from 'bun:test'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskBlobs } from '../../src/platform/blobs/disk.ts'
import { createTestClock } from '../../src/platform/clock/test-clock.ts'
import { createLogger } from '../../src/platform/log/logger.ts'
import { createRedactionRegistry } from '../../src/platform/log/redaction.ts'

const WRITER = join(import.meta.dir, 'blobs-writer.ts')
const KILLS = 20

const clock = createTestClock(Date.now())
const log = createLogger({ level: 'error', format: 'json', write: () => {}, clock, redactions: createRedactionRegistry() })

let directory = ''
let mounted = false

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'repertoire-fault-'))
})

afterEach(() => {
  if (mounted) spawnSync('umount', [directory])
  mounted = false
  rmSync(directory, { recursive: true, force: true })
})

test('a full disk refuses the blob with a clear problem, leaves nothing behind, and keeps what was there', () => {
  const limited = mountSmallDisk()

  // Where no disk may be mounted, the largest file that a process may write takes the place of the full disk.
  const report = limited ? runWriter([]) : runWriter(['sh', '-c', 'trap "" XFSZ; ulimit -f 1024; exec "$@"', 'sh'])

  expect(report).toEqual({
    code: 'storage_unavailable',
    problem: limited ? 'the disk is full' : 'the file is larger than this process may write',
    small: 'intact',
    listed: 1,
    temporary: 0,
    afterwards: 'intact',
  })
})

test('a process that may only write small files refuses larger blobs and goes on', () => {
  const report = runWriter(['sh', '-c', 'trap "" XFSZ; ulimit -f 1024; exec "$@"', 'sh'])

  expect(report).toMatchObject({ code: 'storage_unavailable', small: 'intact', listed: 1, temporary: 0, afterwards: 'intact' })
})

test('a read-only disk refuses writes and keeps serving', async () => {
  const mountable = mountSmallDisk()
  const blobs = createDiskBlobs({ root: directory, clock, log })
  const { sha256 } = await blobs.put(bytes('stored before'))
  // Where no disk may be mounted, `/sys` takes its place: it accepts no directory from anybody.
  if (mountable) expect(spawnSync('mount', ['-o', 'remount,ro', directory]).status).toBe(0)
  const readOnly = mountable ? blobs : createDiskBlobs({ root: '/sys/repertoire-blobs', clock, log })

  await expect(readOnly.put(bytes('stored after'))).rejects.toMatchObject({ code: 'storage_unavailable', kind: 'unavailable' })
  if (mountable) await expect(readOnly.remove(sha256)).rejects.toMatchObject({ code: 'storage_unavailable' })

  expect(await blobs.verify(sha256)).toBe('intact')
  expect(await blobs.locate(sha256)).toMatchObject({ kind: 'file', size: 13 })
})

test('a process killed in the middle of a put never leaves a blob whose bytes differ from its name', async () => {
  const blobs = createDiskBlobs({ root: directory, clock, log })
  const acknowledged = new Set<string>()

  for (let round = 0; round < KILLS; round++) {
    for (const sha256 of await writeUntilKilled(round * 3)) acknowledged.add(sha256)
  }

  const visible = await Array.fromAsync(blobs.list())
  for (const { sha256 } of visible) expect(await blobs.verify(sha256)).toBe('intact')
  const names = new Set(visible.map((blob) => blob.sha256))
  expect([...acknowledged].filter((sha256) => !names.has(sha256))).toEqual([])
  expect(acknowledged.size).toBeGreaterThan(KILLS)
  const unfinished = readdirSync(join(directory, 'temporary')).length
  expect(unfinished).toBeGreaterThan(0)
  expect(await blobs.sweep()).toBe(0)
  const later = createDiskBlobs({ root: directory, clock: createTestClock(Date.now() + 2 * 3_600_000), log })
  expect(await later.sweep()).toBe(unfinished)
  expect(readdirSync(join(directory, 'temporary'))).toEqual([])
}, 60_000)

/** Starts a writer, kills it some milliseconds after its first blob, and returns the names that it acknowledged. */
async function writeUntilKilled(delay: number): Promise<string[]> {
  const writer = Bun.spawn([process.execPath, WRITER, 'loop', directory], { stdout: 'pipe', stderr: 'inherit' })
  let output = ''
  for await (const chunk of writer.stdout.pipeThrough(new TextDecoderStream())) {
    if (output === '') setTimeout(() => writer.kill('SIGKILL'), delay)
    output += chunk
  }
  await writer.exited
  expect(writer.signalCode).toBe('SIGKILL')
  return output.split('\n').filter((line) => line.length === 64)
}

function runWriter(prefix: readonly string[]): unknown {
  const [program, ...rest] = [...prefix, process.execPath, WRITER, 'fill', join(directory, 'store')]
  const { stdout, stderr } = spawnSync(program, rest, { encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

/** Puts a file system of one megabyte in the place of the test's directory, if this user may. */
function mountSmallDisk(): boolean {
  mkdirSync(directory, { recursive: true })
  mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'repertoire-test', directory]).status === 0
  return mounted
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}
