import { Command } from 'commander'
import manifest from '../../package.json'
import { addCommands } from './commands/all-commands.ts'
import type { Session } from './session.ts'
import type { Terminal } from './terminal.ts'

/** What a command does in its session. Returns the exit code if it is not 0. */
export type CommandWork<Args extends unknown[]> = (session: Session, ...args: Args) => Promise<number | void>

/** Makes an action for commander of a command's work. */
export type Run = <Args extends unknown[]>(work: CommandWork<Args>) => (...args: Args) => Promise<void>

const HELP = `
Every command works on the data that REPERTOIRE_DATA or REPERTOIRE_DATABASE_URL names, also beside a running server.
Settings come from environment variables; "repertoire doctor" checks them.

Exit codes:
  0  done                       3  not found
  1  failed                     4  refused: conflict, or input that is not valid
  2  wrong use or settings      5  a database, host or disk cannot be reached
                              130  interrupted

Examples:
  $ repertoire setup
  $ repertoire source add acme https://github.com/acme/widgets.git
  $ repertoire token create acme --name ci
  $ repertoire package list acme --json`

/** The tree of commands. Parsing throws `CommanderError` instead of ending the process. */
export function createProgram({ terminal, isJson }: { terminal: Terminal; isJson: boolean }, run: Run): Command {
  const program = new Command('repertoire')
  program
    .description('A self-hosted private Composer registry.')
    .version(manifest.version, '-V, --version', 'print the version')
    .option('--json', 'print one JSON document instead of text; errors are JSON too')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ showGlobalOptions: true, helpWidth: terminal.stdout.columns })
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => (isJson ? undefined : terminal.stderr.write(text)),
      outputError: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .addHelpText('after', HELP)
  addCommands(program, run)
  return program
}
