import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { countJobs, createQueueFixture, enqueue, syncJob, until, type QueueFixture } from '../races/queue-kit.ts'
import { scratchDirectory } from '../kit/database.ts'

const KILLS = 20

let queue: QueueFixture
let directory: string
beforeEach(async () => {
  queue = await createQueueFixture()
  directory = scratchDirectory('crash')
})
afterEach(async () => {
  await queue.end()
  rmSync(directory, { recursive: true, force: true })
})

/** Where another process finds the same database. */
async function locate(): Promise<string> {
  if (queue.test.kind === 'sqlite') {
    const { rows } = await sql<{ file: string }>`select file from pragma_database_list where name = 'main'`.execute(
      queue.database.read,
    )
    return rows[0]!.file
  }
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(queue.database.read)
  const url = new URL(process.env['TEST_POSTGRES_URL']!)
  url.pathname = `/${rows[0]!.name}`
  return url.href
}

async function startWorker(location: string, results: string) {
  const script = join(import.meta.dir, 'queue-worker.ts')
  const worker = Bun.spawn([process.execPath, script, queue.test.kind, location, results], { stdout: 'pipe', stderr: 'inherit' })
  const { value } = await worker.stdout.getReader().read()
  expect(new TextDecoder().decode(value)).toBe('ready\n')
  return worker
}

test('of the jobs acknowledged while the worker is killed twenty times, none is lost and none stays running', async () => {
  const results = join(directory, 'results')
  writeFileSync(results, '')
  const location = await locate()
  const acknowledged: number[] = []
  let isEnqueueing = true
  const enqueueing = (async () => {
    for (let n = 0; isEnqueueing; n += 1) {
      const lane = n % 5 === 0 ? 'interactive' : 'background'
      await enqueue(queue.database, syncJob(n, { key: `only:${n}`, lane, maxAttempts: 100 }), Date.now())
      acknowledged.push(n)
      await Bun.sleep(4)
    }
  })()

  for (let kill = 0; kill < KILLS; kill += 1) {
    const worker = await startWorker(location, results)
    await Bun.sleep(Math.random() * 120)
    worker.kill('SIGKILL')
    await worker.exited
  }
  isEnqueueing = false
  await enqueueing
  const last = await startWorker(location, results)
  try {
    await until(async () => (await countJobs(queue.database, 'succeeded')) === acknowledged.length, 'every job succeeded')
  } finally {
    last.kill('SIGKILL')
    await last.exited
  }

  const done = new Set(readFileSync(results, 'utf8').trim().split('\n').map(Number))
  expect(acknowledged.length).toBeGreaterThan(KILLS)
  expect(acknowledged.filter((n) => !done.has(n))).toEqual([])
  expect(await countJobs(queue.database, 'running')).toBe(0)
  expect(await countJobs(queue.database, 'queued')).toBe(0)
  expect(await countJobs(queue.database, 'failed')).toBe(0)
}, 120_000)
