import type { Config } from '../../config.ts'
import type { Terminal } from '../terminal.ts'
import { fine, problem, warning, type Finding } from './check.ts'

const PATIENCE = 3_000
const LOCAL = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Whether the public address is set, encrypted, and leads to a server. */
export async function checkBaseUrl(config: Config, terminal: Terminal): Promise<Finding[]> {
  const url = config.publicUrl
  if (url === null) {
    const advice = 'Set REPERTOIRE_URL to the address that your users reach; until then each request decides by its Host header.'
    return [warning('url', 'No public address is set.', advice)]
  }
  const { protocol, hostname } = new URL(url)
  const isPlain = protocol === 'http:' && !LOCAL.test(hostname)
  const findings = isPlain
    ? [warning('url', `${url} is not encrypted.`, 'Put a reverse proxy with a certificate in front and set an https:// URL.')]
    : []
  return [...findings, await checkAnswer(url, isServerRunning(config, terminal))]
}

/** Unknown (null) over a shared database, where the server may be on another machine. */
function isServerRunning(config: Config, terminal: Terminal): boolean | null {
  if (config.databaseUrl !== null) {
    return null
  }
  const lock = terminal.tryLockData(config.dataDirectory)
  lock?.release()
  return lock === null
}

async function checkAnswer(url: string, isRunning: boolean | null): Promise<Finding> {
  const advice = 'Check the name, the reverse proxy and REPERTOIRE_PORT; Composer must reach this address too.'
  try {
    const response = await fetch(`${url}/health`, { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) })
    if (response.status === 200 && isHealthy(await response.text())) {
      return fine('url', `${url} answers.`)
    }
    return problem('url', `${url}/health answers with status ${response.status}, but not as this server does.`, advice)
  } catch (error) {
    if (isRunning === false) {
      return fine('url', `${url} is not tested: no server runs on this data directory.`)
    }
    const reason = error instanceof Error && error.name === 'TimeoutError' ? 'within 3 seconds' : 'at all'
    const message = `${url} does not answer ${reason}.`
    return isRunning === null ? warning('url', message, advice) : problem('url', message, advice)
  }
}

/** The answer of a server of ours; a page that some other server shows for every address is none. */
function isHealthy(body: string): boolean {
  try {
    return (JSON.parse(body) as { status?: unknown } | null)?.status === 'ok'
  } catch {
    return false
  }
}
