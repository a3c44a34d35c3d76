import type { Command } from 'commander'
import type { Finding } from '../doctor/check.ts'
import { examine } from '../doctor/examine.ts'
import { EXIT } from '../failure.ts'
import { toInertLines } from '../inert.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'

const HELP = `
Checks the settings, the data folder and its disk, the database, the key, git, ssh, the clock, the public
address, jobs and sources. Exit code 0 when there is no problem (warnings are none), else 1.

Example:
  $ repertoire doctor --json`

/** `repertoire doctor` */
export function addDoctorCommand(program: Command, run: Run): void {
  program
    .command('doctor')
    .description('check this installation and say what to do')
    .addHelpText('after', HELP)
    .action(run(doctor))
}

async function doctor(session: Session): Promise<number> {
  const findings = await examine(session)
  const isHealthy = findings.every(({ status }) => status !== 'problem')
  session.show({ isHealthy, findings }, () => findings.map(formatFinding).join('\n'))
  return isHealthy ? EXIT.done : EXIT.failed
}

function formatFinding({ check, status, message, advice }: Finding): string {
  const head = `${status.padEnd(7)}  ${check.padEnd(13)}  `
  const indent = ' '.repeat(head.length)
  const lines = toInertLines(message).split('\n')
  return [...lines, ...(advice === null ? [] : [`→ ${advice}`])]
    .map((line, index) => (index === 0 ? head : indent) + line)
    .join('\n')
}
