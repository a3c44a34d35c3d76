import { createHash } from 'node:crypto'
import { TwoGenerations } from '../surfaces/http/two-generations.ts'
import { renderReadme, toPlain, type ReadmeOrder } from '../surfaces/repository/readme-html.ts'
import type { ReadmeRenderer } from '../surfaces/repository/readme-page.ts'

/** Shorter texts take some milliseconds at worst. */
const INLINE = 4 * 1024
/** How long a process may think about one README, in milliseconds. */
const PATIENCE = 3_000
const LARGEST_HTML = 4 * 1024 * 1024
const CACHE_BYTES = 8 * 1024 * 1024
/** Who comes when so many wait gets the plain text. */
const MAX_WAITING = 20

/**
 * Renders READMEs: short ones at once, others in a process of their own, one at a time, that is killed when it takes too long. Such a README is shown
 * as plain text. What was rendered is kept.
 */
export class IsolatedReadmes implements ReadmeRenderer {
  readonly #kept = new TwoGenerations<string>({ count: 2_000, bytes: CACHE_BYTES / 2 }, (html) => html.length * 2)
  readonly #under = new Map<string, Promise<string>>()
  #last: Promise<unknown> = Promise.resolve()
  readonly #patience: number

  /** `patience`: the milliseconds that one README may take. */
  constructor({ patience } = { patience: PATIENCE }) {
    this.#patience = patience
  }

  async render(order: ReadmeOrder): Promise<string> {
    if (order.text.length <= INLINE) {
      return renderReadme(order)
    }
    const key = createHash('sha256').update(JSON.stringify(order)).digest('hex')
    const kept = this.#kept.find(key) ?? this.#under.get(key)
    if (kept !== undefined) {
      return kept
    }
    if (this.#under.size >= MAX_WAITING) {
      return toPlain(order.text)
    }
    const rendering = this.#last.then(() => renderApart(order, this.#patience))
    this.#last = rendering
    this.#under.set(key, rendering)
    const html = await rendering
    this.#under.delete(key)
    this.#kept.put(key, html)
    return html
  }
}

/** Never fails: what cannot be rendered is plain text. */
async function renderApart(order: ReadmeOrder, patience: number): Promise<string> {
  try {
    const child = Bun.spawn({
      cmd: [process.execPath, '--smol', new URL('./readme-main.ts', import.meta.url).pathname],
      stdin: new Blob([JSON.stringify(order)]),
      stdout: 'pipe',
      stderr: 'ignore',
      // Nothing of ours, secrets of the configuration least of all.
      env: {},
      timeout: patience,
      killSignal: 'SIGKILL',
      maxBuffer: LARGEST_HTML,
    })
    const html = await new Response(child.stdout).text()
    return (await child.exited) === 0 ? html : toPlain(order.text)
  } catch {
    return toPlain(order.text)
  }
}
