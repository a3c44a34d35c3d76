/**
 * `repertoire serve`: one process by default, with a thread for jobs. `--role` splits serving and jobs over machines, `--processes` shares the
 * port between processes that this one supervises. Resolves with the exit code after SIGTERM or SIGINT.
 */
import { createRunner, SCHEDULES } from './app.ts'
import { openApp, systemCtx, type App } from './compose.ts'
import type { Config } from './config.ts'
import { openSetup } from './core/access/index.ts'
import { refreshRendered } from './core/catalog/index.ts'
import { lockData, type DataLock } from './platform/db/data-lock.ts'
import { createServer, type Server } from './server/http-server.ts'
import { startChildren, type Children } from './server/children.ts'
import { startJobThread, type JobThread } from './server/job-thread.ts'

/** How the server was asked to start. */
export interface ServeRequest {
  role: 'all' | 'web' | 'worker'
  /** Processes that share the port. */
  processes: number
  /** Where log lines go. */
  write: (line: string) => void
}

/** Set for the processes that a supervising server starts: the parent holds the lock and migrated. */
export const CHILD_VARIABLE = 'REPERTOIRE_INTERNAL_CHILD'

/** What is running, to be stopped in reverse order. */
interface Running {
  app: App
  lock: DataLock | null
  server: Server | null
  children: Children | null
  jobs: JobThread | null
}

/** Serves until it is told to stop. Throws what prevents the start. */
export async function serve(config: Config, request: ServeRequest): Promise<number> {
  const ending = waitForSignal()
  const running = await start(config, request)
  if (config.tls !== null) {
    process.on('SIGHUP', () => renewCertificates(running))
  }
  await ending
  running.app.ports.log.info('Stopping: no new connections, running work may end.')
  await stop(running, config.drainTimeout)
  return 0
}

function renewCertificates({ app, server, children }: Running): void {
  try {
    server?.renewCertificates()
    children?.renewCertificates()
    app.ports.log.info('The certificates were read anew.')
  } catch (error) {
    app.ports.log.error('The certificates could not be read anew; the old ones stay in use.', { error })
  }
}

function waitForSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })
}

async function start(config: Config, request: ServeRequest): Promise<Running> {
  const isChild = process.env[CHILD_VARIABLE] === '1'
  const app = await openApp(config, { migrates: !isChild, write: request.write })
  const running: Running = { app, lock: null, server: null, children: null, jobs: null }
  try {
    if (config.databaseUrl === null && !isChild) {
      running.lock = lockData(config.dataDirectory)
    }
    await startParts(running, request, isChild)
    return running
  } catch (error) {
    await stop(running, 0)
    throw error
  }
}

async function startParts(running: Running, request: ServeRequest, isChild: boolean): Promise<void> {
  const { app } = running
  const { config } = app
  if (request.role !== 'worker' && !isChild) {
    await refreshRendered(systemCtx(app, 'start'), config.publicUrl)
  }
  if (request.role !== 'web' && !isChild) {
    running.jobs = await startJobs(app, request.role)
  }
  if (request.role === 'worker') {
    running.server = createServer(app, 'ops')
    running.server.listen({ shared: false })
    app.ports.log.info('Running jobs.')
    return
  }
  if (request.processes > 1 && !isChild) {
    running.children = startChildren(request.processes, app.ports.log)
    app.ports.log.info('Serving.', { port: config.port, processes: request.processes })
  } else {
    running.server = createServer(app, 'all')
    const port = running.server.listen({ shared: isChild })
    app.ports.log.info('Serving.', { port, url: config.publicUrl ?? `http://localhost:${port}` })
    await offerSetup(app, port, request.write)
  }
}

/** A server that does both gives the jobs a thread of their own; a worker has nothing else to do. */
async function startJobs(app: App, role: ServeRequest['role']): Promise<JobThread> {
  if (role === 'all') {
    return startJobThread(app.ports.log)
  }
  const { workers } = app.config
  const runner = createRunner(app.ports, {
    owner: app.owner,
    lanes: { interactive: workers, background: workers },
    schedules: SCHEDULES,
  })
  await app.blobs.sweep()
  await runner.start()
  return { drain: (timeout) => runner.drain(timeout) }
}

async function offerSetup(app: App, port: number, write: (line: string) => void): Promise<void> {
  const secret = await openSetup(systemCtx(app, 'first-start'))
  if (secret !== null) {
    // Not through the logger: it would, rightly, hide the secret.
    const base = app.config.publicUrl ?? `http://localhost:${port}`
    write(
      `\nRepertoire has no owner yet. Open this link once to set it up, or run "repertoire setup":\n\n  ${base}/setup/${secret}\n\n`,
    )
  }
}

async function stop(running: Running, timeout: number): Promise<void> {
  await Promise.all([running.server?.stop(timeout), running.children?.stop(timeout), running.jobs?.drain(timeout)])
  await running.app.close()
  running.lock?.release()
}
