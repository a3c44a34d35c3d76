import { fine, problem, warning, type Finding } from './check.ts'

const OLDEST_GIT = [2, 30] as const
const PATIENCE = 5_000

/** Whether git, ssh, svn and hg are there and work. */
export function checkPrograms(environment: Readonly<Record<string, string | undefined>>): Finding[] {
  return [checkGit(environment), checkSsh(environment), ...OPTIONAL.map((system) => checkOptional(system, environment))]
}

const OPTIONAL = [
  { program: 'svn', name: 'Subversion', debian: 'subversion', version: /version (\d+\.\d+\S*)/ },
  { program: 'hg', name: 'Mercurial', debian: 'mercurial', version: /version (\d+\.\d+[^\s)]*)/ },
] as const

function checkOptional(
  { program, name, debian, version }: (typeof OPTIONAL)[number],
  environment: Readonly<Record<string, string | undefined>>,
): Finding {
  const found = version.exec(runProgram([program, '--version'], environment) ?? '')
  return found === null
    ? fine(program, `There is no ${program}; only sources in ${name} need it (Debian package ${debian}).`)
    : fine(program, `${name} ${found[1]} works.`)
}

function checkGit(environment: Readonly<Record<string, string | undefined>>): Finding {
  const output = runProgram(['git', '--version'], environment)
  const match = /git version (\d+)\.(\d+)\S*/.exec(output ?? '')
  if (match === null) {
    return problem('git', 'git is not installed or does not run.', 'Install git 2.30 or newer; all sources need it.')
  }
  const [major, minor] = [Number(match[1]), Number(match[2])]
  if (major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1])) {
    return problem('git', `${match[0]} is too old.`, 'Install git 2.30 or newer.')
  }
  return fine('git', `${match[0]} works.`)
}

function checkSsh(environment: Readonly<Record<string, string | undefined>>): Finding {
  const output = runProgram(['ssh', '-V'], environment)
  if (output === null) {
    return warning('ssh', 'There is no ssh client.', 'Install one (openssh-client) if you use sources over ssh.')
  }
  return fine('ssh', `${output.trim().split(',')[0] ?? 'ssh'} works.`)
}

/** What a program prints, or null when it is not there, fails or hangs. */
function runProgram(command: string[], environment: Readonly<Record<string, string | undefined>>): string | null {
  try {
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
      env: { PATH: environment['PATH'], LC_ALL: 'C' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: PATIENCE,
    })
    return exitCode === 0 ? `${stdout.toString()}${stderr.toString()}` : null
  } catch {
    return null
  }
}
