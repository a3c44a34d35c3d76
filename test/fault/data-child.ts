/**
 * The child process of `data-directory.test.ts`. `hold <data>` takes the lock of the data directory, prints `held` and
 * keeps it until it is killed; `write <data> <count> <name>` issues tokens, one transaction each, beside other processes.
 */
import { writeSync } from 'node:fs'
import { createToken } from '../../src/core/access/index.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { lockData } from '../../src/platform/db/data-lock.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'

const [command = '', data = '', count = '', name = ''] = process.argv.slice(2)

void (command === 'hold' ? hold() : write())

async function hold(): Promise<void> {
  const lock = lockData(data)
  writeSync(1, 'held\n')
  await Bun.sleep(120_000)
  lock.release()
}

async function write(): Promise<void> {
  const app = await openInstallation(configOf(data))
  writeSync(1, 'ready\n')
  for await (const line of console) {
    for (let index = 0; index < Number(count); index += 1) {
      await createToken(operatorCtx(app), {
        organization: 1 as OrganizationId,
        name: `${name} ${index}`,
        scopes: READ_SCOPES,
        packages: null,
        expiresAt: null,
      })
    }
    writeSync(1, `${line} done\n`)
    break
  }
  await app.close()
}
