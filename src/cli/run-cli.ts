import { CommanderError } from 'commander'
import type { CliIo } from './cli-io.ts'
import { EXIT, toFailure, type Failure } from './failure.ts'
import { toInertLines } from './inert.ts'
import { createProgram } from './program.ts'
import { Session } from './session.ts'
import { toTerminal, type Terminal } from './terminal.ts'

/** Runs one command. Returns the exit code; never rejects and never ends the process. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  // The arguments may be what is wrong, so they are not parsed to find out how to say it.
  const isJson = argv.includes('--json')
  const terminal = toTerminal(io)
  const run = { exit: EXIT.done as number }
  const program = createProgram({ terminal, isJson }, (work) => async (...args) => {
    const session = new Session(terminal, isJson)
    try {
      run.exit = (await work(session, ...args)) ?? EXIT.done
    } finally {
      await session.close()
    }
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return run.exit
  } catch (error) {
    if (error instanceof CommanderError) {
      return report({ terminal, isJson }, toUsageFailure(error))
    }
    const exit = report({ terminal, isJson }, toFailure(error))
    if (io.env['REPERTOIRE_LOG_LEVEL'] === 'debug' && error instanceof Error) {
      terminal.stderr.write(`${toInertLines(error.stack ?? '')}\n`)
    }
    return exit
  }
}

/** Null when help or the version was asked for, which commander has printed. */
function toUsageFailure(error: CommanderError): Failure | null {
  if (error.exitCode === 0) {
    return null
  }
  // Without a command the help is the answer; anything else is told what is wrong.
  const message = error.code === 'commander.help' ? 'Give a command.' : error.message.replace(/^error: /, '')
  return { exit: EXIT.usage, code: 'usage', message: `${message.replace(/\.?$/, '.')} Add --help to see how it is used.` }
}

function report({ terminal, isJson }: { terminal: Terminal; isJson: boolean }, failure: Failure | null): number {
  if (failure === null) {
    return EXIT.done
  }
  const { exit, code, message } = failure
  const text = isJson ? JSON.stringify({ error: { code, message } }) : `error: ${toInertLines(message)}`
  terminal.stderr.write(`${text}\n`)
  return exit
}
