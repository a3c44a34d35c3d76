/** Runs the command line in the test's own process or as a child, on a data directory of its own. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import type { CliIo } from '../../src/cli/cli-io.ts'
import { runCli } from '../../src/cli/run-cli.ts'
import { tryLockData } from '../../src/platform/db/data-lock.ts'
import { scratchDirectory } from '../kit/database.ts'

const ROOT = join(import.meta.dir, '../..')

export interface CliResult {
  code: number
  stdout: string
  stderr: string
  /** The document on the output. */
  json<Document = Record<string, unknown>>(): Document
}

/** How one call differs from a plain one without a terminal. */
export interface CliCall {
  env?: Record<string, string | undefined>
  input?: string
  /** Typed one by one, each when a question is shown; needs a terminal. */
  answers?: readonly string[]
  /** Whether all three streams are a terminal. */
  terminal?: boolean
  /** Gets the function that presses Ctrl-C. */
  onStart?: (interrupt: () => void) => void
}

export interface CliFixture {
  directory: string
  env: Record<string, string>
  /** In this process. */
  run(line: readonly string[], call?: CliCall): Promise<CliResult>
  /** As `run`, and throws unless the exit code is 0. */
  succeed(line: readonly string[], call?: CliCall): Promise<CliResult>
  /** As a process: `bun src/main.ts …`. */
  spawn(line: readonly string[], env?: Record<string, string>): Bun.Subprocess<'pipe', 'pipe', 'pipe'>
  end(): void
}

export function createCliFixture(settings: Record<string, string> = {}): CliFixture {
  const directory = scratchDirectory('cli')
  const env = {
    REPERTOIRE_DATA: directory,
    REPERTOIRE_ALLOW_FILE_SOURCES: 'true',
    REPERTOIRE_ADVISORY_FEED: 'off',
    ...settings,
  }
  const run = (line: readonly string[], call: CliCall = {}) =>
    callCli(line, { ...call, env: { ...systemPath(), ...env, ...call.env } })
  return {
    directory,
    env,
    run,
    async succeed(line, call) {
      const result = await run(line, call)
      if (result.code !== 0) {
        throw new Error(`${line.join(' ')} ended with ${result.code}: ${result.stderr}`)
      }
      return result
    },
    spawn: (line, more = {}) =>
      Bun.spawn([process.execPath, join(ROOT, 'src/main.ts'), ...line], {
        cwd: directory,
        env: { ...systemPath(), ...env, ...more },
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'pipe',
      }),
    end: () => rmSync(directory, { recursive: true, force: true }),
  }
}

function systemPath(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin' }
}

async function callCli(line: readonly string[], call: CliCall): Promise<CliResult> {
  const isTTY = call.terminal === true
  const written = { stdout: '', stderr: '' }
  const stdin: CliIo['stdin'] = Object.assign(new PassThrough(), isTTY ? { isTTY, setRawMode: () => {} } : {})
  const answers = [...(call.answers ?? [])]
  const write = (name: 'stdout' | 'stderr', text: string) => {
    written[name] += text
    const answer = /(?:: |\] )$/.test(text) ? answers.shift() : undefined
    if (answer !== undefined) {
      setImmediate(() => stdin.push(`${answer}\r`))
    }
  }
  const output = (name: 'stdout' | 'stderr') => ({ write: (text: string) => write(name, text), isTTY, columns: 80 })
  stdin.push(call.input ?? '')
  if (!isTTY) {
    stdin.push(null)
  }
  const listeners = new Set<() => void>()
  call.onStart?.(() => listeners.forEach((listener) => listener()))
  const code = await runCli(line, {
    env: call.env ?? {},
    stdin,
    stdout: output('stdout'),
    stderr: output('stderr'),
    tryLockData,
    onInterrupt(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  })
  return { code, ...written, json: <Document>() => JSON.parse(written.stdout) as Document }
}

/** Reads a child to its end. */
export async function collect(
  child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, stderr }
}

/** Waits for a condition that comes true long before the deadline. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`This did not happen in 10 seconds: ${what}`)
    }
    await Bun.sleep(10)
  }
}
