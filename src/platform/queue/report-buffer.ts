import type { JobReport } from '../../core/kernel/jobs.ts'
import type { Clock } from '../../core/kernel/ports.ts'
import type { Db, JobLogsTable } from '../../core/kernel/schema.ts'
import type { JobId } from '../../core/kernel/values.ts'
import { toInertLine } from './inert-line.ts'
import { held, type HeldJob } from './settle.ts'

/** Lines that one job's log holds, all tries together; one more says that lines are missing. */
export const LOG_LINES = 10_000

const ROWS_PER_INSERT = 500
const OMITTED = 'Further lines are left out.'

/** Where a job stands, as stored in `jobs.progress`. `total` is null when it is not known. */
export interface JobProgress {
  step: string
  done: number
  total: number | null
}

type LogLine = Pick<JobLogsTable, 'sequence' | 'at' | 'level' | 'line'>

/** What a job has reported since the last write. */
export interface PendingReport {
  progress: JobProgress | null
  lines: readonly LogLine[]
  version: number
}

/** Collects in memory what a running job reports, bounded in size, until the runner writes it. */
export class ReportBuffer implements JobReport {
  readonly #clock: Clock
  readonly #flush: () => Promise<void>
  #lines: LogLine[] = []
  #sequence: number
  #progress: JobProgress | null = null
  #version = 0
  #written = 0

  /** `logLines` counts what earlier tries left in the log. `flush` must not throw. */
  constructor(setup: { clock: Clock; logLines: number; flush: () => Promise<void> }) {
    this.#clock = setup.clock
    this.#sequence = setup.logLines
    this.#flush = setup.flush
  }

  async step(name: string, total?: number): Promise<void> {
    this.#progress = { step: toInertLine(name), done: 0, total: total === undefined ? null : toCount(total) }
    this.#version += 1
    await this.#flush()
  }

  progress(done: number): void {
    this.#progress = { step: '', total: null, ...this.#progress, done: toCount(done) }
    this.#version += 1
  }

  log(level: LogLine['level'], line: string): void {
    if (this.#sequence > LOG_LINES) {
      return
    }
    this.#sequence += 1
    const at = this.#clock.now()
    this.#lines.push(
      this.#sequence > LOG_LINES
        ? { sequence: this.#sequence, at, level: 'warning', line: OMITTED }
        : { sequence: this.#sequence, at, level, line: toInertLine(line) },
    )
    this.#version += 1
  }

  /** Whether something was reported that is not yet confirmed as written. */
  get isPending(): boolean {
    return this.#version !== this.#written
  }

  /** Where the job stands and the lines that are not yet confirmed as written. */
  pending(): PendingReport {
    return { progress: this.#progress, lines: [...this.#lines], version: this.#version }
  }

  /** Forgets what was written; what was reported meanwhile stays pending. */
  confirm(written: PendingReport): void {
    this.#lines.splice(0, written.lines.length)
    this.#written = written.version
  }
}

/**
 * Writes inside a transaction what these jobs have reported. `report` is what to confirm after the commit; null, and nothing
 * of that job is written, when the job is no longer held.
 */
export async function writeReports<Reporting extends { job: HeldJob; report: ReportBuffer }>(
  db: Db,
  jobs: readonly Reporting[],
): Promise<{ source: Reporting; report: PendingReport | null }[]> {
  const written = []
  for (const source of jobs) {
    const report = source.report.pending()
    const isHeld = await updateProgress(db, source.job, report)
    if (isHeld) {
      await insertLines(db, source.job.id, report.lines)
    }
    written.push({ source, report: isHeld ? report : null })
  }
  return written
}

async function updateProgress(db: Db, job: HeldJob, report: PendingReport): Promise<boolean> {
  const updated = await held(db, job)
    .set({ progress: report.progress === null ? null : JSON.stringify(report.progress) })
    .executeTakeFirst()
  return updated.numUpdatedRows > 0n
}

async function insertLines(db: Db, job: JobId, lines: readonly LogLine[]): Promise<void> {
  for (let start = 0; start < lines.length; start += ROWS_PER_INSERT) {
    await db
      .insertInto('job_logs')
      .values(lines.slice(start, start + ROWS_PER_INSERT).map((line) => ({ job_id: job, ...line })))
      // A commit whose answer was lost is written again; the job is held, so equal numbers are the same lines.
      .onConflict((conflict) => conflict.columns(['job_id', 'sequence']).doNothing())
      .execute()
  }
}

function toCount(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.trunc(value)) : 0
}
