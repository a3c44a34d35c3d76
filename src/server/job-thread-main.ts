/**
 * The thread in which a single-process server runs its jobs, so that syncs and archive builds never hold up a response. It
 * opens the installation for itself, with connections of its own, and ends when it is told to.
 */
import { createRunner, SCHEDULES } from '../app.ts'
import { openApp } from '../compose.ts'
import { readConfig } from '../config.ts'
import type { WorkerMessage, WorkerOrder } from './job-thread.ts'

declare const self: Worker & { postMessage(message: WorkerMessage): void }

const config = readConfig(process.env)
const app = await openApp(config, { migrates: false, write: (line) => void process.stderr.write(line) })
const runner = createRunner(app.ports, {
  owner: app.owner,
  lanes: { interactive: config.workers, background: config.workers },
  // Over SQLite the data lock says that no other server is alive, so what is still held was held by a dead one.
  ...(config.databaseUrl === null ? { deadOwners: '' } : {}),
  schedules: SCHEDULES,
})
await app.blobs.sweep()
await runner.start()
self.postMessage({ kind: 'ready' })

self.onmessage = (event: MessageEvent<WorkerOrder>) => {
  void drain(event.data.timeout)
}

async function drain(timeout: number): Promise<void> {
  await runner.drain(timeout)
  await app.close()
  self.postMessage({ kind: 'drained' })
}
