import { runCli } from './cli/run-cli.ts'
import { tryLockData } from './platform/db/data-lock.ts'

const exit = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  tryLockData,
})

// Whatever was printed is written out first; an idle timer or thread must not keep a finished command alive.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exit)))
