import { existsSync } from 'node:fs'
import { DomainError } from '../../core/kernel/errors.ts'
import { baseEnvironment, safeArguments } from './git-environment.ts'

/** One process to start, of git unless it says otherwise. Arguments never hold a secret: they are readable by every user of the machine. */
export interface GitCommand {
  /** The bare repository that it works on. */
  directory: string
  /** Another program in place of git; it gets exactly these `arguments` and this `environment`. */
  program?: 'svn' | 'hg'
  arguments: readonly string[]
  /** Added to the minimal environment; secrets may be here. */
  environment?: Readonly<Record<string, string>>
  /** Lines for its standard input, written as fast as git reads them. */
  input?: Iterable<string>
  /** Bytes for its standard input in place of lines; each portion is asked for when the one before was taken. */
  stream?: AsyncIterable<Uint8Array>
  /** Called with each line of progress and error text. */
  onErrorLine?: (line: string) => void
}

/** A started git process; it ends when its output is read to the end or it is killed. */
export interface GitProcess {
  readonly pid: number
  readonly output: ReadableStream<Uint8Array>
  /** Settles when the process and its error text have ended. `errors` is the last part of what is not progress. */
  readonly ended: Promise<{ code: number; errors: string }>
  /** Ends the process and all of its children at once; no error when they ended already. */
  kill(): void
}

/** How a process ended, and what it printed. */
export interface GitResult {
  code: number
  errors: string
  output: Buffer | null
}

const ERROR_TEXT = 16_384
const LONGEST_LINE = 4096

/** Starts git processes, each in its own process group without a shell, and ends those that are left on `close`. */
export class GitRunner {
  readonly #running = new Set<GitProcess>()
  #isClosed = false

  /** Starts a process. Throws `shutting_down` after `close`, and `source_invalid` when there is no such directory. */
  start(command: GitCommand): GitProcess {
    this.requireOpen()
    if (!existsSync(command.directory)) throw new DomainError('source_invalid', { problem: 'it has never been fetched' })
    const child = spawn(command)
    if (command.input !== undefined) void feed(child.stdin, toPortions(command.input))
    if (command.stream !== undefined) void feed(child.stdin, command.stream)
    const ended = this.#watchEnd(child, command.onErrorLine)
    const running: GitProcess = {
      pid: child.pid,
      output: child.stdout,
      ended,
      kill: () => {
        if (this.#running.has(running)) killGroup(child.pid)
      },
    }
    this.#running.add(running)
    // Helpers may outlive git itself, for instance after it crashed; they would keep its pipes open.
    void child.exited.then(() => killGroup(child.pid))
    void ended.finally(() => this.#running.delete(running))
    return running
  }

  /** Throws `shutting_down` after `close`. */
  requireOpen(): void {
    if (this.#isClosed) throw new DomainError('shutting_down')
  }

  /** Runs a process to its end; see `collect`. */
  async run(command: GitCommand, limit = 1_048_576): Promise<GitResult> {
    return this.collect(this.start(command), limit)
  }

  /** Waits for a process and its whole output; beyond `limit` bytes it is killed and the output is null. */
  async collect(running: GitProcess, limit: number): Promise<GitResult> {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of running.output) {
      size += chunk.length
      if (size > limit) break
      chunks.push(chunk)
    }
    if (size > limit) running.kill()
    return { ...(await running.ended), output: size > limit ? null : Buffer.concat(chunks) }
  }

  /** Kills what still runs and refuses new processes. */
  async close(): Promise<void> {
    this.#isClosed = true
    const left = [...this.#running]
    for (const running of left) running.kill()
    await Promise.all(left.map((running) => running.ended))
  }

  async #watchEnd(
    child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>,
    onLine?: (line: string) => void,
  ): Promise<{ code: number; errors: string }> {
    const errors = await readErrors(child.stderr, onLine)
    return { code: await child.exited, errors }
  }
}

/** The process leads its group, so that a negative id reaches its helpers too. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group has ended.
  }
}

function spawn(command: GitCommand): Bun.Subprocess<'pipe', 'pipe', 'pipe'> {
  const { program, directory } = command
  const line =
    program === undefined ? ['git', ...safeArguments(directory), ...command.arguments] : [program, ...command.arguments]
  const env = program === undefined ? { ...baseEnvironment(), ...command.environment } : { ...command.environment }
  try {
    const child = Bun.spawn(line, { env, cwd: directory, stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', detached: true })
    if (command.input === undefined && command.stream === undefined) void child.stdin.end()
    return child
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    throw new DomainError('source_invalid', { problem: `the program "${line[0]}" is not installed on the server` }, error)
  }
}

function* toPortions(lines: Iterable<string>): Generator<string, void, undefined> {
  let portion: string[] = []
  for (const line of lines) {
    portion.push(line)
    if (portion.length < 512) continue
    yield `${portion.join('\n')}\n`
    portion = []
  }
  if (portion.length > 0) yield `${portion.join('\n')}\n`
}

/** Waits for each portion: the reader's pace bounds the memory. A process that ended reads no more. */
async function feed(
  sink: Bun.FileSink,
  portions: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>,
): Promise<void> {
  try {
    for await (const portion of portions) {
      await sink.write(portion)
      await sink.flush()
    }
    await sink.end()
  } catch {
    // The exit code tells what happened.
  }
}

async function readErrors(stream: ReadableStream<Uint8Array>, onLine?: (line: string) => void): Promise<string> {
  const decoder = new TextDecoder()
  let open = ''
  let kept = ''
  function take(line: string): void {
    onLine?.(line)
    if (!isProgress(line)) kept = `${kept}${line}\n`.slice(-ERROR_TEXT)
  }
  for await (const chunk of stream) {
    const lines = `${open}${decoder.decode(chunk, { stream: true })}`.split(/[\r\n]+/)
    open = (lines.pop() ?? '').slice(0, LONGEST_LINE)
    for (const line of lines) take(line.slice(0, LONGEST_LINE))
  }
  if (open !== '') take(open)
  return kept
}

function isProgress(line: string): boolean {
  return line === '' || /^(remote: )?[A-Z][a-z]+ing [a-z]+: +\d+/.test(line)
}
