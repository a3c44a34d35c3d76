/**
 * Runs jobs until it is killed: the child process of `queue-crash.test.ts`. Each finished job leaves one line in the file
 * of the third argument before its success is recorded.
 */
import { appendFileSync } from 'node:fs'
import { openPostgresDatabase, openSqliteDatabase } from '../../src/platform/db/database.ts'
import { handlersWith, newId, recordingLog, systemClock, systemRandom } from '../races/queue-kit.ts'
import { createQueueRunner } from '../../src/platform/queue/runner.ts'

const [kind = '', location = '', results = ''] = process.argv.slice(2)

const database =
  kind === 'postgres'
    ? openPostgresDatabase(location, 6, (error) => {
        throw error
      })
    : openSqliteDatabase(location)

await createQueueRunner({
  database,
  clock: systemClock,
  random: systemRandom,
  log: recordingLog([]),
  newId,
  owner: `instance/${process.pid}/${newId()}`,
  deadOwners: 'instance/',
  handlers: handlersWith({
    'source.sync': async ({ payload, report }) => {
      await report.step('work', 1)
      await Bun.sleep(payload.source % 15)
      report.log('info', 'done')
      appendFileSync(results, `${payload.source}\n`)
    },
  }),
  lanes: { interactive: 1, background: 3 },
  leaseDuration: 60_000,
}).start()
process.stdout.write('ready\n')
