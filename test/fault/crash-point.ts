/**
 * Where a process kills itself. The traps are set around the ports and the reports of jobs, so that the product runs
 * unchanged up to the very instruction.
 */
import { writeSync } from 'node:fs'
import type { KyselyPlugin } from 'kysely'
import { createJobHandlers, type Ports } from '../../src/app.ts'
import type { JobReport } from '../../src/core/kernel/jobs.ts'
import type { Db } from '../../src/core/kernel/schema.ts'
import type { JobHandlers } from '../../src/platform/queue/execution.ts'

/** A point in the first job of a kind: of a sync, or of the building of archives that follows it. */
export type CrashPoint = { of: 'sync' | 'archive' } & (
  | { at: 'step'; step: string }
  /** When git has printed this many lines of progress, or else when it is done. */
  | { at: 'fetch'; lines: number }
  /** After this many writes of the job's transaction, or else before its commit. */
  | { at: 'write'; writes: number }
  | { at: 'before-commit' }
  | { at: 'after-commit' }
  /** When this many bytes of a blob are written, or else before its end. */
  | { at: 'blob'; bytes: number }
)

/** Handlers that end the process at the point once `trap.isArmed`. */
export function trapHandlers(ports: Ports, point: CrashPoint, trap: { isArmed: boolean }): JobHandlers {
  const plain = createJobHandlers(ports)
  const trapped = createJobHandlers(trapPorts(ports, point, trap))
  if (point.of === 'sync') {
    const handler = trapped['source.sync']
    return { ...plain, 'source.sync': (job) => handler({ ...job, report: trapReport(job.report, point, trap) }) }
  }
  const handler = trapped['archives.prebuild']
  return { ...plain, 'archives.prebuild': (job) => handler({ ...job, report: trapReport(job.report, point, trap) }) }
}

/** Ends this process as `kill -9` does, after printing a word. */
export function crash(word: string): void {
  writeSync(1, `${word}\n`)
  process.kill(process.pid, 'SIGKILL')
}

function trapReport(report: JobReport, point: CrashPoint, trap: { isArmed: boolean }): JobReport {
  return {
    async step(name, total) {
      await report.step(name, total)
      if (trap.isArmed && point.at === 'step' && point.step === name) {
        crash(`step ${name}`)
      }
    },
    progress: (done) => report.progress(done),
    log: (level, line) => report.log(level, line),
  }
}

function trapPorts(ports: Ports, point: CrashPoint, trap: { isArmed: boolean }): Ports {
  const write = trapTransactions(ports.database.write, point, trap)
  return {
    ...ports,
    database: { ...ports.database, write },
    git: {
      ...ports.git,
      async fetch(input) {
        let lines = 0
        await ports.git.fetch({
          ...input,
          onProgress(received) {
            lines += 1
            if (trap.isArmed && point.at === 'fetch' && lines > point.lines) {
              crash(`fetch ${received.phase}`)
            }
            input.onProgress(received)
          },
        })
        if (trap.isArmed && point.at === 'fetch') {
          crash('fetch done')
        }
      },
    },
    blobs: { ...ports.blobs, put: (content) => ports.blobs.put(trapContent(content, point, trap)) },
  }
}

async function* trapContent(
  content: AsyncIterable<Uint8Array>,
  point: CrashPoint,
  trap: { isArmed: boolean },
): AsyncGenerator<Uint8Array> {
  let left = trap.isArmed && point.at === 'blob' ? point.bytes : Infinity
  for await (const chunk of content) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) {
      crash('blob begun')
    }
  }
  if (left !== Infinity) {
    crash('blob written')
  }
}

/** A database whose transactions end the process at the point once `trap.isArmed`. */
export function trapTransactions(db: Db, point: CrashPoint, trap: { isArmed: boolean }): Db {
  async function execute<Result>(work: (tx: Db) => Promise<Result>): Promise<Result> {
    const result = await db.transaction().execute(async (tx) => {
      const value = await work(trap.isArmed && point.at === 'write' ? tx.withPlugin(writeTrap(point.writes)) : tx)
      if (trap.isArmed && (point.at === 'before-commit' || point.at === 'write')) {
        crash('before commit')
      }
      return value
    })
    if (trap.isArmed && point.at === 'after-commit') {
      crash('committed')
    }
    return result
  }
  return new Proxy(db, {
    get(target, name) {
      if (name === 'transaction') {
        return () => ({ execute })
      }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function writeTrap(limit: number): KyselyPlugin {
  const writing = new WeakSet<object>()
  let writes = 0
  return {
    transformQuery({ node, queryId }) {
      if (node.kind !== 'SelectQueryNode') {
        writing.add(queryId)
      }
      return node
    },
    async transformResult({ result, queryId }) {
      writes += writing.has(queryId) ? 1 : 0
      if (writes >= limit) {
        crash(`write ${writes}`)
      }
      return result
    },
  }
}
