import { openApp, type App } from '../compose.ts'
import { readConfig, type Config } from '../config.ts'
import type { Ctx } from '../core/kernel/ctx.ts'
import type { Terminal } from './terminal.ts'
import { usageFailure } from './failure.ts'
import { Prompter } from './prompter.ts'

/** One run of a command: its configuration, the opened installation, and how it speaks. */
export class Session {
  readonly io: Terminal
  readonly isJson: boolean
  #config: Config | null = null
  #app: Promise<App> | null = null
  #prompter: Prompter | null = null
  #beforeLog: (() => void) | null = null

  constructor(io: Terminal, isJson: boolean) {
    this.io = io
    this.isJson = isJson
  }

  /** Throws `InvalidConfig`. */
  get config(): Config {
    this.#config ??= readConfig(this.io.env)
    return this.#config
  }

  /** Opens the installation once. Of its log only what somebody must act on reaches the terminal. */
  open(): Promise<App> {
    const logLevel = this.config.logLevel === 'error' ? 'error' : 'warn'
    this.#app ??= openApp({ ...this.config, logLevel }, { migrates: true, write: (line) => this.#writeLog(line) })
    return this.#app
  }

  /** A context for one call, as the operator of the machine. */
  async ctx(): Promise<Ctx> {
    const app = await this.open()
    return app.ctx({ kind: 'operator' }, { surface: 'cli', address: null, agent: null, requestId: null })
  }

  /** Whether questions can be asked. */
  get isInteractive(): boolean {
    return !this.isJson && this.io.stdin.isTTY === true && this.io.stderr.isTTY
  }

  /** Asks on the terminal. Throws a usage failure when there is none. */
  get prompter(): Prompter {
    if (!this.isInteractive) {
      throw usageFailure('This needs an answer, and there is no terminal to ask on. Give it as an option; see --help.')
    }
    this.#prompter ??= new Prompter(this.io)
    return this.#prompter
  }

  /** The result: the document with `--json`, else the text for people. */
  show(document: unknown, text: () => string): void {
    this.io.stdout.write(`${this.isJson ? JSON.stringify(document, null, 2) : text()}\n`)
  }

  /** Something to know beside the result; not with `--json`. */
  note(text: string): void {
    if (!this.isJson) {
      this.io.stderr.write(`${text}\n`)
    }
  }

  /** The width to which tables are cut. */
  get tableWidth(): number | null {
    return this.io.stdout.isTTY ? this.io.stdout.columns : null
  }

  /** Lets a progress bar make room for a line of the log. */
  onLog(beforeLog: (() => void) | null): void {
    this.#beforeLog = beforeLog
  }

  #writeLog(line: string): void {
    this.#beforeLog?.()
    this.io.stderr.write(line)
  }

  async close(): Promise<void> {
    this.#prompter?.close()
    const app = await this.#app?.catch(() => null)
    await app?.close()
  }
}
