import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Absolute path of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Where tools keep what can be thrown away. */
export const cache = join(root, '.cache')

const graceMilliseconds = 5_000

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
/** @type {(() => Promise<void> | void)[]} */
const cleanups = []
let ending = false

/**
 * @typedef {object} RunOptions
 * @property {Record<string, string | undefined>} [env] variables on top of ours; `undefined` removes one
 * @property {number} [seconds] how long the command may take; then it is ended and counts as timed out
 * @property {boolean} [quiet] keep the output instead of printing it
 *
 * @typedef {object} RunResult
 * @property {number} code exit code; 128 + n after a signal, 127 when the command could not be started
 * @property {string} output stdout and stderr when `quiet`
 * @property {boolean} timedOut
 * @property {number} seconds
 */

/**
 * Runs a command in the repository and waits for it. Never throws.
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 */
export function run(command, args, { env = {}, seconds, quiet = false } = {}) {
  return new Promise((resolve) => {
    const started = Date.now()
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    })
    running.add(child)
    let output = ''
    let timedOut = false
    /** @type {NodeJS.Timeout | undefined} */
    let straggler
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text))
    const alarm = seconds === undefined ? undefined : setTimeout(onTimeout, Math.max(0, seconds) * 1000)

    function onTimeout() {
      timedOut = true
      void terminate(child)
    }

    /** @param {number} code */
    function settle(code) {
      clearTimeout(alarm)
      clearTimeout(straggler)
      running.delete(child)
      resolve({ code, output, timedOut, seconds: (Date.now() - started) / 1000 })
    }

    child.once('error', (error) => {
      output += `${error.message}\n`
      settle(127)
    })
    child.once('close', (code, signal) => settle(exitCode(code, signal)))
    // A grandchild that keeps the pipe open must not keep us.
    child.once('exit', (code, signal) => (straggler = setTimeout(settle, 1_000, exitCode(code, signal))))
  })
}

/**
 * Replaces this process as far as Node allows: same terminal, signals passed on, exit code kept.
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string | undefined>} [env]
 */
export function become(command, args, env = {}) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP'])) {
    process.on(signal, () => {
      // A terminal has already sent Ctrl-C to the whole process group; a second one would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.once('error', (error) => fail(`${command} could not be started: ${error.message}`))
  child.once('exit', (code, signal) => process.exit(exitCode(code, signal)))
}

/**
 * Asks a process to end and kills it when it does not within five seconds.
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} [signal]
 * @returns {Promise<void>}
 */
export function terminate(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve()
  return new Promise((resolve) => {
    const last = setTimeout(() => child.kill('SIGKILL'), graceMilliseconds)
    child.once('exit', () => {
      clearTimeout(last)
      resolve()
    })
    child.kill(signal)
  })
}

/**
 * Registers what must be undone before the tool ends, whatever the reason.
 * @param {() => Promise<void> | void} cleanup
 */
export function onEnd(cleanup) {
  cleanups.push(cleanup)
}

/**
 * Ends what is still running, undoes what was registered, newest first, and exits.
 * @param {number} code
 * @returns {Promise<never>}
 */
export async function end(code) {
  if (ending) return new Promise(() => {})
  ending = true
  await Promise.all([...running].map((child) => terminate(child)))
  for (const cleanup of cleanups.reverse()) await cleanup()
  process.exit(code)
}

/** Makes SIGINT, SIGTERM and SIGHUP end the tool in the orderly way. */
export function endOnSignals() {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => void end(128 + constants.signals[signal]))
  }
}

/**
 * Prints one sentence and exits with 1.
 * @param {string} sentence
 * @returns {never}
 */
export function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}

/**
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 */
function exitCode(code, signal) {
  return signal === null ? (code ?? 1) : 128 + constants.signals[signal]
}

/**
 * Does something with each item, two at a time: the number of cores that everybody has. Ends with the first failure.
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => Promise<void>} work
 */
export async function eachTwoAtATime(items, work) {
  const waiting = [...items]
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}
