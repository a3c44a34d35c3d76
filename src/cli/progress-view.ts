import type { Job, JobLogLine } from '../core/jobs/index.ts'
import { toInert } from './inert.ts'
import type { Session } from './session.ts'

/** The steps that jobs report, in words. Others are shown under their own name. */
const STEPS: Readonly<Record<string, string>> = {
  fetch: 'Fetching the repository',
  refs: 'Reading branches and tags',
  manifests: 'Reading composer.json files',
  identify: 'Working out versions',
  record: 'Recording versions',
  archive: 'Building the archive',
  archives: 'Building archives',
  store: 'Storing the archive',
}

const BAR_WIDTH = 24
const CLEAR_LINE = '\r\u001b[K'

/**
 * Shows how a job goes on: a bar on a terminal, else one plain line per step; log lines as they come. All of it goes to the
 * error output, so that the output holds results only, and none of it appears with `--json`.
 */
export class ProgressView {
  readonly #session: Session
  #shown = ''

  constructor(session: Session) {
    this.#session = session
    session.onLog(() => this.#clear())
  }

  update(progress: Job['progress'], lines: readonly JobLogLine[]): void {
    for (const { level, line } of lines) {
      this.say(level === 'info' ? line : `${level}: ${line}`)
    }
    if (progress !== null) {
      this.#draw(progress)
    }
  }

  /** A line above the bar. */
  say(text: string): void {
    this.#clear()
    this.#session.note(toInert(text))
  }

  end(): void {
    this.#clear()
    this.#session.onLog(null)
  }

  #draw(progress: NonNullable<Job['progress']>): void {
    const { io, isJson } = this.#session
    if (isJson) {
      return
    }
    const title = STEPS[progress.step] ?? progress.step
    const text = io.stderr.isTTY ? formatBar(title, progress, io.stderr.columns) : `${title} …`
    if (text === this.#shown) {
      return
    }
    this.#shown = text
    io.stderr.write(io.stderr.isTTY ? `${CLEAR_LINE}${toInert(text)}` : `${toInert(text)}\n`)
  }

  #clear(): void {
    if (this.#session.io.stderr.isTTY && this.#shown !== '') {
      this.#session.io.stderr.write(CLEAR_LINE)
      this.#shown = ''
    }
  }
}

/** The bar of a step whose size is known, else the number of units that are done; never wider than the terminal. */
export function formatBar(title: string, progress: { done: number; total: number | null }, columns: number): string {
  const { done, total } = progress
  if (total === null || total === 0) {
    return (done === 0 ? `${title} …` : `${title} … ${done}`).slice(0, columns - 1)
  }
  const share = Math.min(1, done / total)
  const filled = Math.round(share * BAR_WIDTH)
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(share * 100)).padStart(3)}%`
  return `${bar} ${title} ${done}/${total}`.slice(0, columns - 1)
}
