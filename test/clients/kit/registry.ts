/**
 * A registry that runs as its users run it: `serve` in a process of its own on a data directory of its own, managed by
 * the command line beside it, and reached through a recording proxy whose address is its public URL.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { openApp, type App } from '../../../src/compose.ts'
import { readConfig } from '../../../src/config.ts'
import { scratchDirectory } from '../../kit/database.ts'
import type { TestRepository } from '../../kit/git-repository.ts'
import { startRecordingProxy, type RecordingProxy } from './recording-proxy.ts'

const ROOT = join(import.meta.dir, '../../..')
const START_TIMEOUT = 20_000
const STOP_TIMEOUT = 10_000
const SETTLE_TIMEOUT = 30_000

export interface Registry {
  /** Public base URL, without a slash at the end. */
  readonly url: string
  /** Host and port, as credentials name them. */
  readonly origin: string
  readonly proxy: RecordingProxy
  /** Port of the server itself. */
  readonly port: number
  /** Holds everything of this registry and its clients; removed by `end`. */
  readonly directory: string
  readonly dataDirectory: string
  /** Runs a command with `--json` as a process and returns its document; throws unless it succeeds. */
  cli<Document = unknown>(...line: readonly string[]): Promise<Document>
  /** Adds the repository as a source of an organization, reads it, and removes the repository at the end. */
  publish(organization: string, repository: TestRepository): Promise<void>
  /** Reads the source again. */
  sync(organization: string, repository: TestRepository): Promise<void>
  /** A new token; `options` are those of `token create`. */
  token(organization: string, ...options: readonly string[]): Promise<string>
  /** Waits until no job is left. */
  settle(): Promise<void>
  /** Opens the installation in this process, beside the server. */
  inside<Result>(work: (app: App) => Promise<Result>): Promise<Result>
  /** Log entries of level warn and above, of all its processes. */
  readonly problems: string[]
  /** Sends a signal to the server. */
  signal(name: NodeJS.Signals): void
  start(): Promise<void>
  /** Asks the server to end; throws unless it ends by itself, in time and with exit code 0. */
  stop(): Promise<void>
  /** Stops everything and removes it. */
  end(): Promise<void>
}

/** How a registry differs from a plain one: further settings, and options of `serve`. */
export interface RegistrySetup {
  env?: Readonly<Record<string, string>> | ((port: number) => Readonly<Record<string, string>>)
  /** For a server that speaks TLS: what it takes to ask it whether it is ready. */
  tls?: Bun.TLSOptions
  serve?: readonly string[]
}

/** Starts a registry with nothing in it. */
export async function startRegistry({ env = {}, serve = [], tls }: RegistrySetup = {}): Promise<Registry> {
  const directory = scratchDirectory('clients')
  const dataDirectory = join(directory, 'data')
  const port = await findFreePort()
  const target = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const proxy = startRecordingProxy(() => target)
  const settings = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    REPERTOIRE_DATA: dataDirectory,
    REPERTOIRE_URL: proxy.url,
    REPERTOIRE_HOST: '127.0.0.1',
    REPERTOIRE_PORT: String(port),
    REPERTOIRE_ALLOW_FILE_SOURCES: 'true',
    REPERTOIRE_ADVISORY_FEED: 'off',
    REPERTOIRE_LOG_FORMAT: 'json',
    ...(typeof env === 'function' ? env(port) : env),
  }
  mkdirSync(join(directory, 'projects'), { recursive: true })
  const server = createServerProcess({ settings, target, directory, serve, ...(tls === undefined ? {} : { tls }) })
  const repositories = new Set<TestRepository>()
  const cli = <Document>(...line: readonly string[]) => runCli<Document>(line, settings, directory)
  const registry: Registry = {
    url: proxy.url,
    origin: new URL(proxy.url).host,
    proxy,
    port,
    directory,
    dataDirectory,
    problems: server.problems,
    cli,
    async publish(organization, repository) {
      repositories.add(repository)
      await cli('source', 'add', organization, repository.url)
    },
    async sync(organization, repository) {
      await cli('source', 'sync', organization, repository.url)
    },
    async token(organization, ...options) {
      const name = options.includes('--name') ? [] : ['--name', 'composer']
      return (await cli<{ token: string }>('token', 'create', organization, ...name, ...options)).token
    },
    settle: () => settle(cli),
    async inside(work) {
      const app = await openApp(readConfig({ ...settings, PATH: undefined }), { migrates: false, write: () => {} })
      try {
        return await work(app)
      } finally {
        await app.close()
      }
    },
    signal: server.signal,
    start: server.start,
    stop: server.stop,
    async end() {
      try {
        await server.stop()
      } finally {
        await proxy.stop()
        await Promise.all([...repositories].map((repository) => repository.remove()))
        rmSync(directory, { recursive: true, force: true })
      }
    },
  }
  try {
    await registry.start()
  } catch (error) {
    await registry.end().catch(() => {})
    throw error
  }
  return registry
}

interface ServerSetup {
  settings: Record<string, string>
  target: string
  directory: string
  serve: readonly string[]
  tls?: Bun.TLSOptions
}

interface ServerProcess {
  problems: string[]
  /** Sends a signal to the running server. */
  signal(name: NodeJS.Signals): void
  start(): Promise<void>
  stop(): Promise<void>
}

function createServerProcess({ settings, target, directory, serve, tls }: ServerSetup): ServerProcess {
  const log: string[] = []
  const problems: string[] = []
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'> | null = null

  function remember(line: string): void {
    log.push(line)
    if (/"level":\s*"(?:warn|error)"/.test(line)) {
      problems.push(line)
    }
  }

  return {
    problems,
    signal: (name) => child?.kill(name),
    async start() {
      child = Bun.spawn([process.execPath, join(ROOT, 'src/main.ts'), 'serve', ...serve], {
        cwd: directory,
        env: settings,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      void readLines(child.stdout, remember)
      void readLines(child.stderr, remember)
      await untilReady(() => fetch(`${target}/ready`, tls === undefined ? {} : { tls }), child, log)
    },
    async stop() {
      const ending = child
      child = null
      if (ending === null) {
        return
      }
      ending.kill('SIGTERM')
      const code = await Promise.race([ending.exited, Bun.sleep(STOP_TIMEOUT)])
      if (code !== 0) {
        ending.kill('SIGKILL')
        throw new Error(`The server ended with ${code ?? 'nothing, and was killed'}:\n${log.slice(-20).join('\n')}`)
      }
    },
  }
}

async function untilReady(ask: () => Promise<Response>, child: Bun.Subprocess, log: readonly string[]): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT
  for (;;) {
    const response = await ask().catch(() => null)
    if (response?.status === 200) {
      return
    }
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`The server did not become ready:\n${log.join('\n')}`)
    }
    await Bun.sleep(25)
  }
}

async function readLines(output: ReadableStream<Uint8Array>, remember: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  let open = ''
  for await (const chunk of output) {
    const lines = `${open}${decoder.decode(chunk, { stream: true })}`.split('\n')
    open = lines.pop() ?? ''
    lines.forEach(remember)
  }
}

async function runCli<Document>(line: readonly string[], env: Record<string, string>, directory: string): Promise<Document> {
  const child = Bun.spawn([process.execPath, join(ROOT, 'src/main.ts'), ...line, '--json'], {
    cwd: directory,
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) {
    throw new Error(`${line.join(' ')} ended with ${code}:\n${stderr}${stdout}`)
  }
  return JSON.parse(stdout) as Document
}

async function settle(cli: Registry['cli']): Promise<void> {
  const deadline = performance.now() + SETTLE_TIMEOUT
  for (;;) {
    const jobs = await cli<{ kind: string; state: string }[]>('job', 'list')
    const open = jobs.filter(({ state }) => state !== 'succeeded')
    if (open.length === 0) {
      return
    }
    if (performance.now() > deadline) {
      throw new Error(`Jobs are left: ${JSON.stringify(open)}`)
    }
    await Bun.sleep(50)
  }
}

/** A port of the loopback address that nobody listens on at the moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
