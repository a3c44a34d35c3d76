/** The job runner as a thread: started, watched, restarted when it dies, drained at the end. */
import type { Logger } from '../core/kernel/ports.ts'
import { within } from '../platform/queue/pause.ts'

/** What the thread tells. */
export type WorkerMessage = { kind: 'ready' } | { kind: 'drained' }

/** What the thread is told: to end, with this many milliseconds for running jobs. */
export interface WorkerOrder {
  kind: 'drain'
  timeout: number
}

/** A running job thread. */
export interface JobThread {
  /** Lets running jobs end, at most `timeout` milliseconds, and ends the thread. */
  drain(timeout: number): Promise<void>
}

const FIRST_RESTART = 500
const LONGEST_RESTART = 30_000
/** What closing the database and child processes may take beyond the running jobs. */
const CLOSING = 5_000

/** Starts the thread and resolves when it takes jobs. Rejects when it cannot start the first time. */
export async function startJobThread(log: Logger): Promise<JobThread> {
  const state = { draining: false, pause: FIRST_RESTART }
  let current = await spawn()

  function spawn(): Promise<Worker> {
    const thread = new Worker(new URL('./job-thread-main.ts', import.meta.url))
    return new Promise((resolve, reject) => {
      thread.addEventListener('message', (event: MessageEvent<WorkerMessage>) => {
        if (event.data.kind === 'ready') {
          thread.addEventListener('close', () => void revive())
          resolve(thread)
        }
      })
      thread.addEventListener('error', (event) => {
        log.error('The job thread failed.', { problem: event.message })
        reject(new Error(event.message))
      })
    })
  }

  async function revive(): Promise<void> {
    while (!state.draining) {
      await Bun.sleep(state.pause)
      state.pause = Math.min(LONGEST_RESTART, state.pause * 2)
      try {
        current = await spawn()
        log.warn('The job thread ended and was started again.')
        return
      } catch {
        // The failure was logged; the next try comes later.
      }
    }
  }

  return {
    async drain(timeout) {
      state.draining = true
      const drained = Promise.withResolvers<void>()
      current.addEventListener('message', (event: MessageEvent<WorkerMessage>) => {
        if (event.data.kind === 'drained') {
          drained.resolve()
        }
      })
      current.addEventListener('close', () => drained.resolve())
      current.postMessage({ kind: 'drain', timeout } satisfies WorkerOrder)
      await within(timeout + CLOSING, drained.promise)
      current.terminate()
    },
  }
}
