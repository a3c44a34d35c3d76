/**
 * Runs the jobs of an installation until it is killed: the child process of `webhooks.test.ts`.
 */
import { writeSync } from 'node:fs'
import { createRunner } from '../../src/app.ts'
import { configOf, openInstallation } from './installation.ts'

const [data = ''] = process.argv.slice(2)
const app = await openInstallation(configOf(data))
const owner = `${app.owner}/${app.ports.newId()}`
await createRunner(app.ports, { owner, lanes: { interactive: 1, background: 1 }, deadOwners: '', schedules: [] }).start()
writeSync(1, 'ready\n')
