import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import type { Terminal } from './terminal.ts'
import { interruption } from './failure.ts'
import { toInertLines } from './inert.ts'

/** Asks questions on the terminal. Lines that are typed or pasted ahead answer the next questions. */
export class Prompter {
  readonly #io: Terminal
  readonly #lines: string[] = []
  #readline: Interface | null = null
  #waiting: ((line: string | null) => void) | null = null
  #isHidden = false
  #isOver = false

  constructor(io: Terminal) {
    this.#io = io
  }

  /** The answer without surrounding space; `fallback` when it is empty. Asks again while there is neither. */
  async ask(question: string, fallback = ''): Promise<string> {
    const prompt = fallback === '' ? `${question}: ` : `${question} [${fallback}]: `
    for (;;) {
      const answer = (await this.#read(prompt)).trim() || fallback
      if (answer !== '') {
        return answer
      }
    }
  }

  /** An answer that is not shown while it is typed. */
  async askHidden(question: string): Promise<string> {
    this.#isHidden = true
    try {
      return await this.#read(`${question}: `)
    } finally {
      this.#isHidden = false
      this.#io.stderr.write('\n')
    }
  }

  /** Yes or no; an empty answer is `fallback`. */
  async confirm(question: string, fallback: 'yes' | 'no'): Promise<boolean> {
    const answer = (await this.#read(`${question} ${fallback === 'yes' ? '[Y/n]' : '[y/N]'} `)).trim().toLowerCase()
    return answer === '' ? fallback === 'yes' : ['y', 'yes'].includes(answer)
  }

  close(): void {
    this.#readline?.close()
    this.#io.stdin.pause()
  }

  async #read(prompt: string): Promise<string> {
    const readline = this.#open()
    this.#io.stderr.write(toInertLines(prompt))
    const ahead = this.#lines.shift()
    if (ahead !== undefined) {
      return ahead
    }
    const { promise, resolve } = Promise.withResolvers<string | null>()
    this.#waiting = resolve
    if (this.#isOver) {
      resolve(null)
    }
    readline.setPrompt(this.#isHidden ? '' : prompt)
    const line = await promise
    if (line === null) {
      throw interruption()
    }
    return line
  }

  #open(): Interface {
    if (this.#readline !== null) {
      return this.#readline
    }
    const echo = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#isHidden) {
          this.#io.stderr.write(chunk.toString())
        }
        done()
      },
    })
    this.#readline = createInterface({ input: this.#io.stdin, output: echo, terminal: true, historySize: 0 })
    this.#readline.on('line', (line) => this.#take(line))
    this.#readline.on('SIGINT', () => this.#end())
    this.#readline.on('close', () => this.#end())
    return this.#readline
  }

  #take(line: string): void {
    if (this.#waiting === null) {
      this.#lines.push(line)
      return
    }
    this.#answer(line)
  }

  #end(): void {
    this.#isOver = true
    this.#answer(null)
  }

  #answer(line: string | null): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.(line)
  }
}
