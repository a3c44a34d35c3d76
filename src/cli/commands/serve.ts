import { Option, type Command } from 'commander'
import { parseCount } from '../options.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'

interface ServeOptions {
  role: 'all' | 'web' | 'worker'
  processes: number
}

const HELP = `
Answers requests and runs jobs until SIGTERM or Ctrl-C; then running work gets REPERTOIRE_DRAIN_SECONDS to end. The log goes to
the error output.

Examples:
  $ repertoire serve
  $ repertoire serve --role web --processes 4
  $ repertoire serve --role worker`

/** `repertoire serve` */
export function addServeCommand(program: Command, run: Run): void {
  program
    .command('serve')
    .description('run the server')
    .addOption(
      new Option('--role <role>', 'answer requests (web), run jobs (worker), or both; roles share work over PostgreSQL')
        .choices(['all', 'web', 'worker'])
        .default('all'),
    )
    .addOption(
      new Option('--processes <number>', 'processes that answer requests on one port (Linux)').argParser(parseCount).default(1),
    )
    .addHelpText('after', HELP)
    .action(run(runServer))
}

async function runServer(session: Session, { role, processes }: ServeOptions): Promise<number> {
  const { config, io } = session
  // Loaded here because no other command should wait until the whole server is read.
  const { serve } = await import('../../serve.ts')
  return serve(config, { role, processes, write: (line) => io.stderr.write(line) })
}
