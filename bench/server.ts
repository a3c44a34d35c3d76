import { join } from 'node:path'
import { startProcess, type RunningProcess } from './processes.ts'

const ROOT = join(import.meta.dir, '..')
const POLL = 2
const STARTING = 60_000

/** The product as it is run, on one data directory. */
export interface Server {
  readonly process: RunningProcess
  readonly url: string
  /** Milliseconds from the start of the process until `/ready` said yes. */
  readonly readyAfter: number
}

/** The environment in which every process of a benchmark opens a data directory. */
export function environmentOf(directory: string): Record<string, string> {
  return {
    REPERTOIRE_DATA: directory,
    REPERTOIRE_ALLOW_FILE_SOURCES: 'true',
    REPERTOIRE_ADVISORY_FEED: 'off',
    REPERTOIRE_ALLOW_HTTP_SOURCES: 'true',
    REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.1',
    REPERTOIRE_LOG_LEVEL: 'warn',
  }
}

/** Starts the whole product, web and job thread, and waits until it is ready. */
export async function startServer(input: { directory: string; port: number; cores: string }): Promise<Server> {
  const { directory, port, cores } = input
  const url = `http://127.0.0.1:${port}`
  const environment = {
    ...environmentOf(directory),
    REPERTOIRE_HOST: '127.0.0.1',
    REPERTOIRE_PORT: String(port),
    REPERTOIRE_URL: url,
  }
  const log = join(directory, 'serve.log')
  const began = performance.now()
  const server = startProcess([process.execPath, join(ROOT, 'src/main.ts'), 'serve'], { cores, environment }, log)
  while (!(await isReady(url))) {
    if (server.hasEnded() || performance.now() - began > STARTING) {
      throw new Error(`The server did not become ready: ${(await Bun.file(log).text()).slice(-2000)}`)
    }
    await Bun.sleep(POLL)
  }
  return { process: server, url, readyAfter: performance.now() - began }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`)).ok
  } catch {
    return false
  }
}
