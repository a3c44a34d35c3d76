import { accessSync, constants, statfsSync, statSync } from 'node:fs'
import type { Config } from '../../config.ts'
import { fine, problem, warning, type Finding } from './check.ts'

const MiB = 1024 * 1024
const LITTLE_SPACE = 1024 * MiB
const NO_SPACE = 100 * MiB

/** Whether the data directory is there, belongs to this user, and has room. */
export function checkDataDirectory(config: Config): Finding[] {
  const directory = config.dataDirectory
  try {
    if (!statSync(directory).isDirectory()) {
      return [problem('data', `${directory} is not a folder.`, 'Set REPERTOIRE_DATA to a folder.')]
    }
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    return [whyNotUsable(directory, error)]
  }
  return [fine('data', `${directory} can be written to.`), checkSpace(directory)]
}

function whyNotUsable(directory: string, error: unknown): Finding {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  if (code === 'ENOENT') {
    return problem(
      'data',
      `${directory} does not exist.`,
      'Set REPERTOIRE_DATA to the folder of the installation, or run "repertoire setup".',
    )
  }
  return problem(
    'data',
    `${directory} cannot be used (${code}).`,
    'Run this as the user of the server, or give that user the folder.',
  )
}

function checkSpace(directory: string): Finding {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  const message = `${Math.floor(free / MiB)} MiB are free.`
  if (free < NO_SPACE) {
    return problem('disk', message, 'Make room or enlarge the disk now: writes will fail.')
  }
  return free < LITTLE_SPACE ? warning('disk', message, 'Make room or enlarge the disk soon.') : fine('disk', message)
}
