/** Child processes, each pinned to the cores that it may use, and what Linux knows of their memory. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'

/** The core of whatever is measured and the core of whatever measures. */
export const SERVER_CORE = '0'
export const LOAD_CORE = '1'
export const ALL_CORES = '0,1'

/** How a process is started. `cores` is a list as taskset takes it. */
export interface Start {
  cores: string
  environment?: Record<string, string>
  directory?: string
}

/** A process that runs until it is stopped. */
export interface RunningProcess {
  readonly pid: number
  /** Whether it ended by itself. */
  hasEnded(): boolean
  /** Asks it to end, kills it after ten seconds. */
  stop(): Promise<void>
}

const GRACE = 10_000
const running = new Set<RunningProcess>()

/** What children inherit: no configuration of the person who runs the benchmarks. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'LANG', 'TMPDIR']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
}

/** Starts a process that writes its output to a file. */
export function startProcess(
  command: readonly string[],
  { cores, environment = {}, directory }: Start,
  log: string,
): RunningProcess {
  const output = openSync(log, 'a')
  const child = Bun.spawn(['taskset', '-c', cores, ...command], {
    env: { ...inherited(), ...environment },
    stdin: 'ignore',
    stdout: output,
    stderr: output,
    ...(directory === undefined ? {} : { cwd: directory }),
  })
  closeSync(output)
  const started: RunningProcess = {
    pid: child.pid,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async stop() {
      const alarm = setTimeout(() => child.kill('SIGKILL'), GRACE)
      child.kill('SIGTERM')
      await child.exited
      clearTimeout(alarm)
      running.delete(started)
    },
  }
  running.add(started)
  return started
}

/** Stops everything that was started and not stopped. */
export async function stopProcesses(): Promise<void> {
  await Promise.all([...running].map((one) => one.stop()))
}

/** What a command printed and how long it took in milliseconds. */
export interface Finished {
  output: string
  duration: number
}

/** Runs a command to its end. `input` goes to its standard input. Throws with its last words when it fails. */
export async function runCommand(
  command: readonly string[],
  { cores, environment = {}, directory }: Start,
  input: string | Uint8Array = '',
): Promise<Finished> {
  const began = performance.now()
  const child = Bun.spawn(['taskset', '-c', cores, ...command], {
    env: { ...inherited(), ...environment },
    stdin: Buffer.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
    ...(directory === undefined ? {} : { cwd: directory }),
  })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  const duration = performance.now() - began
  if (code !== 0) {
    throw new Error(`${command.slice(0, 3).join(' ')} ended with ${code}: ${`${output}\n${errors}`.trim().slice(-2000)}`)
  }
  return { output, duration }
}

/** Resident memory of a process in bytes, now. */
export function residentBytes(pid: number): number {
  return readStatus(pid, 'VmRSS')
}

/** The most resident memory of a process since `forgetPeak` or its start, in bytes. */
export function peakResidentBytes(pid: number): number {
  return readStatus(pid, 'VmHWM')
}

/** Lets the measure of a process's peak memory begin anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

const TICKS_PER_SECOND = 100

/** Processor time that a process and its children have used so far, in microseconds; exact to a hundredth of a second. */
export function usedMicroseconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  const pids = [pid, ...children.split(' ').filter((text) => text !== '')]
  let ticks = 0
  for (const one of pids) {
    const fields = readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return (ticks / TICKS_PER_SECOND) * 1_000_000
}

function readStatus(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024
}

/** A port of the loopback interface that nothing listens on. */
export async function findFreePort(): Promise<number> {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  const { port } = server
  await server.stop(true)
  if (port === undefined) {
    throw new Error('The system gave no port.')
  }
  return port
}
