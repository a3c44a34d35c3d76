import { spawn } from 'node:child_process'
import { appendFileSync, chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, terminate } from './run.mjs'

const startSeconds = 30

/** Nothing here survives the run, so durability would only cost time. */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'fsync=off',
  'full_page_writes=off',
]

/**
 * Starts a PostgreSQL of its own on a temporary directory and a free port of the loopback address.
 * It ends with `stop`, and on Linux also when this process dies. Throws an Error with one sentence.
 * @returns {Promise<{ url: string, pid: number, stop: () => Promise<void> }>}
 */
export async function startPostgres() {
  const programs = postgresPrograms()
  const directory = mkdtempSync(join(tmpdir(), 'repertoire-postgres-'))
  const data = join(directory, 'data')
  try {
    await giveToPostgresUser(directory)
    const initdb = unprivileged(join(programs, 'initdb'), [
      '-D',
      data,
      '-U',
      'repertoire',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ])
    const made = await run(initdb.command, initdb.args, { quiet: true, seconds: 60 })
    if (made.code !== 0) throw new Error(`initdb failed.\n${made.output}`)
    const port = await freePort()
    const server = launch(programs, data, port, join(directory, 'log'))
    const stop = async () => {
      await terminate(server, 'SIGINT')
      rmSync(directory, { recursive: true, force: true })
    }
    try {
      await ready(programs, port, server)
    } catch (error) {
      await terminate(server, 'SIGINT')
      throw error
    }
    return { url: `postgres://repertoire@127.0.0.1:${port}/postgres`, pid: server.pid ?? 0, stop }
  } catch (error) {
    const log = join(directory, 'log')
    const details = existsSync(log) ? `\n${readFileSync(log, 'utf8')}` : ''
    rmSync(directory, { recursive: true, force: true })
    throw new Error(`PostgreSQL could not be started: ${error instanceof Error ? error.message : error}${details}`, {
      cause: error,
    })
  }
}

/** The folder of the newest installed server programs. Debian keeps them out of PATH. */
function postgresPrograms() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((left, right) => Number(right) - Number(left)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')]
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
  if (found === undefined) throw new Error('No PostgreSQL server is installed (Debian package postgresql).')
  return found
}

/**
 * @param {string} programs
 * @param {string} data
 * @param {number} port
 * @param {string} log
 */
function launch(programs, data, port, log) {
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]
  const launched = unprivileged(join(programs, 'postgres'), args)
  const server = spawn(launched.command, launched.args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' })
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (bytes) => appendFileSync(log, bytes))
  server.on('error', (error) => appendFileSync(log, `${error.message}\n`))
  return server
}

/**
 * @param {string} programs
 * @param {number} port
 * @param {import('node:child_process').ChildProcess} server
 */
async function ready(programs, port, server) {
  const deadline = Date.now() + startSeconds * 1000
  while (server.exitCode === null && server.pid !== undefined && Date.now() < deadline) {
    const probe = await run(join(programs, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { quiet: true, seconds: 5 })
    if (probe.code === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`it was not ready within ${startSeconds} seconds.`)
}

/**
 * PostgreSQL refuses to run as root, and should not outlive a tool that is killed.
 * @param {string} command
 * @param {string[]} args
 */
function unprivileged(command, args) {
  if (process.platform !== 'linux') return { command, args }
  const user = process.getuid?.() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : []
  return { command: 'setpriv', args: [...user, '--pdeathsig=INT', command, ...args] }
}

/** @param {string} directory */
async function giveToPostgresUser(directory) {
  if (process.getuid?.() !== 0) return
  const id = await run('id', ['-u', 'postgres'], { quiet: true })
  if (id.code !== 0) throw new Error('there is no user named postgres to run it as.')
  chownSync(directory, Number(id.output), -1)
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no free port')),
      )
    })
  })
}
