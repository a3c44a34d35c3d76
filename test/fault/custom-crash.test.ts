/** A process that is killed while it fetches the archive of a custom package leaves nothing or all of it, and the next one completes it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from '../../src/compose.ts'
import { createOrganization } from '../../src/core/access/index.ts'
import { addCustomSource } from '../../src/core/sources/index.ts'
import { buildZip } from '../kit/archives.ts'
import { scratchDirectory } from '../kit/database.ts'
import { startHttpHost, type HttpHost } from '../kit/http-source.ts'
import type { CrashPoint } from './crash-point.ts'
import { configOf, lineReader, openInstallation, operatorCtx, runJobs } from './installation.ts'

const NOISE = Buffer.concat(Array.from({ length: 8_000 }, (_, part) => createHash('sha256').update(String(part)).digest()))
const ARCHIVE = buildZip([{ name: 'plugin.php', data: NOISE, method: 0 }])
const SHA256 = createHash('sha256').update(ARCHIVE).digest('hex')

let directory: string
let host: HttpHost

beforeAll(() => {
  directory = scratchDirectory('custom-crash')
  host = startHttpHost()
})
afterAll(async () => {
  await host.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** An installation that knows where the archive is and has not asked for it. */
async function prepare(name: string): Promise<string> {
  const data = join(directory, name)
  const app = await openInstallation(configOf(data))
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  const dist = { type: 'zip', url: `${host.url}/${name}.zip`, reference: 'one' }
  const definition = JSON.stringify({ name: 'acme/plugin', version: '1.0.0', dist })
  await addCustomSource(operatorCtx(app), { organization, definition, credential: null })
  // The child asks for the fetch when its trap is set.
  await app.ports.database.write.deleteFrom('jobs').execute()
  await app.close()
  return data
}

interface Record {
  sha256: string | null
  blobs: { sha256: string; state: string }[]
}

async function readRecord(app: App): Promise<Record> {
  const { sha256 } = await app.ports.database.read.selectFrom('dists').select('sha256').executeTakeFirstOrThrow()
  const stored = await Array.fromAsync(app.blobs.list())
  const blobs = await Promise.all(
    stored.map(async (blob) => ({ sha256: blob.sha256, state: await app.blobs.verify(blob.sha256) })),
  )
  return { sha256, blobs }
}

async function startChild(data: string, point: CrashPoint) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'sync-child.ts'), data, JSON.stringify(point)], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const lines = lineReader(child.stdout)
  expect(await lines.next()).toBe('idle')
  await child.stdin.write('sync\n')
  await child.stdin.flush()
  return { child, lines }
}

/** Opens what the killed process left, judges it, and lets the next process finish. */
async function recover(data: string, isRecorded: boolean): Promise<void> {
  const app = await openInstallation(configOf(data))
  try {
    const left = await readRecord(app)
    expect(left.sha256).toBe(isRecorded ? SHA256 : null)
    expect(left.blobs.filter(({ sha256, state }) => sha256 !== SHA256 || state !== 'intact')).toEqual([])
    await app.blobs.sweep()
    await runJobs(app)
    expect(await readRecord(app)).toEqual({ sha256: SHA256, blobs: [{ sha256: SHA256, state: 'intact' }] })
    const { state } = await app.ports.database.read.selectFrom('sources').select('state').executeTakeFirstOrThrow()
    expect(state).toBe('ready')
  } finally {
    await app.close()
  }
}

const POINTS: { name: string; point: CrashPoint; isRecorded: boolean }[] = [
  { name: 'before it asks', point: { of: 'sync', at: 'step', step: 'fetch' }, isRecorded: false },
  ...[1, 2, 3, 4, 5].map((writes) => ({
    name: `after ${writes} writes of the transaction that records it`,
    point: { of: 'sync', at: 'write', writes } as CrashPoint,
    isRecorded: false,
  })),
  { name: 'right before it is recorded', point: { of: 'sync', at: 'before-commit' }, isRecorded: false },
  { name: 'right after it was recorded', point: { of: 'sync', at: 'after-commit' }, isRecorded: true },
]

describe('abuse 53: a process that fetches an archive and is killed', () => {
  test.each(POINTS)('$name leaves old or new', async ({ name, point, isRecorded }) => {
    const key = name.replaceAll(' ', '-')
    const data = await prepare(key)
    host.serve(`/${key}.zip`, ARCHIVE)
    const { child, lines } = await startChild(data, point)
    const printed = await lines.rest()
    await child.exited

    expect({ signal: child.signalCode, survived: printed.includes('survived') }).toEqual({ signal: 'SIGKILL', survived: false })
    await recover(data, isRecorded)
  })

  test.each([0.1, 0.5, 0.99])('after %d of the archive arrived leaves nothing of it (abuse 23)', async (share) => {
    const data = await prepare(`share-${share}`)
    const begun = Promise.withResolvers<void>()
    host.serve(`/share-${share}.zip`, () => {
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(ARCHIVE.slice(0, Math.floor(ARCHIVE.length * share)))
          begun.resolve()
        },
      })
      return new Response(stream, { headers: { 'content-length': String(ARCHIVE.length) } })
    })
    const { child, lines } = await startChild(data, { of: 'sync', at: 'after-commit' })
    await begun.promise
    await Bun.sleep(100)
    child.kill('SIGKILL')
    await lines.rest()
    await child.exited

    host.serve(`/share-${share}.zip`, ARCHIVE)
    await recover(data, false)
  })
})
