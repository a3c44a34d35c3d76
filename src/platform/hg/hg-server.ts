import { DomainError } from '../../core/kernel/errors.ts'
import { ByteReader } from '../git/byte-reader.ts'
import type { GitProcess, GitRunner } from '../git/git-runner.ts'
import { toVcsFailure } from '../git/run-watched.ts'

/*
 * One process of Mercurial's command server (`hg serve --cmdserver pipe`) for all reading of a local repository: starting hg takes
 * a tenth of a second, and a repository has many tags. A request is a length and arguments separated by NUL; answers come in frames of a
 * channel (o output, e errors, r result, I and L questions for input, which get none), a length and bytes.
 */

const [OUTPUT, ERRORS, RESULT] = ['o', 'e', 'r'].map((letter) => letter.charCodeAt(0))
const INPUT = new Set(['I', 'L'].map((letter) => letter.charCodeAt(0)))
const MOST_ERRORS = 16_384
/** What comes in one piece is one file at most; git reads no larger one either. */
const MOST_FRAME = 256 * 1_048_576
const EMPTY = new Uint8Array(4)

/** Runs commands on a local repository one after the other. Must be closed. */
export class HgServer {
  readonly #process: GitProcess
  readonly #reader: ByteReader
  readonly #outbox: Outbox

  private constructor(process: GitProcess, outbox: Outbox) {
    this.#process = process
    this.#reader = new ByteReader(process.output)
    this.#outbox = outbox
  }

  /** Starts the process. Throws `source_invalid` when the repository cannot be read. */
  static async start(runner: GitRunner, directory: string, environment: Readonly<Record<string, string>>): Promise<HgServer> {
    const outbox = new Outbox()
    const line = ['--repository', directory, 'serve', '--cmdserver', 'pipe']
    const process = runner.start({ directory, program: 'hg', arguments: line, environment, stream: outbox.portions() })
    const server = new HgServer(process, outbox)
    const hello = await server.#frame()
    if (hello?.channel !== OUTPUT) throw await server.#fail()
    return server
  }

  /** The output of a command in portions; latin1 text gives arguments of any bytes. Throws when the command fails. */
  async *run(line: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> {
    const text = Buffer.from(line.join('\0'), 'latin1')
    this.#outbox.send(Buffer.concat([Buffer.from('runcommand\n'), toLength(text.length), text]))
    let errors = ''
    for (;;) {
      const frame = await this.#frame()
      if (frame === null) throw await this.#fail()
      if (frame.channel === OUTPUT) yield frame.bytes
      else if (frame.channel === ERRORS) errors = `${errors}${Buffer.from(frame.bytes).toString('utf8')}`.slice(-MOST_ERRORS)
      else if (INPUT.has(frame.channel)) this.#outbox.send(EMPTY)
      else if (frame.channel === RESULT) {
        if (Buffer.from(frame.bytes).readInt32BE() !== 0) throw toVcsFailure(errors)
        return
      }
    }
  }

  /** The whole output of a command as latin1 text; for lists that the repository's size bounds. */
  async text(line: readonly string[]): Promise<string> {
    const parts: Uint8Array[] = []
    for await (const bytes of this.run(line)) parts.push(bytes)
    return Buffer.concat(parts).toString('latin1')
  }

  /** Ends the process. */
  async close(): Promise<void> {
    this.#outbox.end()
    this.#process.kill()
    await this.#process.ended
  }

  async #frame(): Promise<{ channel: number; bytes: Uint8Array } | null> {
    const head = await this.#reader.findBytes(5)
    if (head === null) return null
    const channel = head[0] ?? 0
    const length = Buffer.from(head).readUInt32BE(1)
    // On the channels for input the number is not a length but what is asked for.
    if (INPUT.has(channel)) return { channel, bytes: EMPTY }
    if (length > MOST_FRAME) throw new DomainError('source_too_large', { limit: `${MOST_FRAME} bytes of one file` })
    const bytes = await this.#reader.findBytes(length)
    return bytes === null ? null : { channel, bytes }
  }

  async #fail(): Promise<DomainError> {
    this.#outbox.end()
    this.#process.kill()
    return toVcsFailure((await this.#process.ended).errors)
  }
}

function toLength(count: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(count)
  return bytes
}

/** What waits to be written to the process. */
class Outbox {
  readonly #waiting: Uint8Array[] = []
  #wake: (() => void) | null = null
  #isEnded = false

  send(bytes: Uint8Array): void {
    this.#waiting.push(bytes)
    this.#wake?.()
  }

  end(): void {
    this.#isEnded = true
    this.#wake?.()
  }

  async *portions(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) yield next
      else if (this.#isEnded) return
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = null
      }
    }
  }
}
