/** Serving processes that share the port, supervised by one that holds the data directory and runs the jobs. */
import type { Logger } from '../core/kernel/ports.ts'
import { within } from '../platform/queue/pause.ts'

/** Supervised processes. */
export interface Children {
  /** Has all of them read their certificates anew. */
  renewCertificates(): void
  /** Ends all of them, by force after `timeout` milliseconds. */
  stop(timeout: number): Promise<void>
}

const FIRST_RESTART = 500
const LONGEST_RESTART = 30_000
/** A process that lived this long started well; the next failure begins with the short pause again. */
const HEALTHY_AFTER = 60_000
const GRACE = 2_000

/** Starts `count` processes and starts each again when it ends by itself. */
export function startChildren(count: number, log: Logger): Children {
  const state = { stopping: false }
  const alive = new Set<Bun.Subprocess>()
  const supervised = Array.from({ length: count }, (_, index) => supervise(index, state, { alive, log }))
  return {
    renewCertificates() {
      alive.forEach((child) => child.kill('SIGHUP'))
    },
    async stop(timeout) {
      state.stopping = true
      for (const child of alive) {
        child.kill('SIGTERM')
      }
      await within(
        timeout + GRACE,
        Promise.all(supervised).then(() => {}),
      )
      for (const child of alive) {
        child.kill('SIGKILL')
      }
    },
  }
}

async function supervise(
  index: number,
  state: { stopping: boolean },
  { alive, log }: { alive: Set<Bun.Subprocess>; log: Logger },
): Promise<void> {
  let pause = FIRST_RESTART
  while (!state.stopping) {
    const started = performance.now()
    const child = Bun.spawn([process.execPath, Bun.main, 'serve', '--role', 'web'], {
      env: { ...process.env, REPERTOIRE_INTERNAL_CHILD: '1' },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    alive.add(child)
    const code = await child.exited
    alive.delete(child)
    if (state.stopping) {
      return
    }
    pause = performance.now() - started > HEALTHY_AFTER ? FIRST_RESTART : Math.min(LONGEST_RESTART, pause * 2)
    log.error('A serving process ended and is started again.', { process: index, code })
    await Bun.sleep(pause)
  }
}
