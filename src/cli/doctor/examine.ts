import { InvalidConfig } from '../../config.ts'
import { toFailure } from '../failure.ts'
import type { Session } from '../session.ts'
import { checkAdvisories } from './advisories.ts'
import { checkBaseUrl } from './base-url.ts'
import { fine, problem, type Finding } from './check.ts'
import { checkDataDirectory } from './data-directory.ts'
import { checkClock, checkDatabase, checkJobs, checkSources } from './installation.ts'
import { checkPrograms } from './programs.ts'
import { checkStorage } from './storage.ts'

/** Runs every check that can be run; each failure leads to findings, not to an error. */
export async function examine(session: Session): Promise<Finding[]> {
  const { io } = session
  try {
    void session.config
  } catch (error) {
    if (!(error instanceof InvalidConfig)) {
      throw error
    }
    return [problem('configuration', error.message, 'Correct the environment variables; see docs/operate/configure.md.')]
  }
  const { config } = session
  const data = checkDataDirectory(config)
  const isUsable = data.every(({ check, status }) => check !== 'data' || status === 'ok')
  return [
    fine('configuration', 'All settings are valid.'),
    ...data,
    ...(isUsable ? await checkInstallation(session) : []),
    ...checkPrograms(io.env),
    ...(isUsable ? await checkBaseUrl(config, io) : []),
  ]
}

async function checkInstallation(session: Session): Promise<Finding[]> {
  const isServer = session.config.databaseUrl !== null
  const findings: Finding[] = []
  try {
    const ctx = await session.ctx()
    findings.push(fine('key', 'The secret key is the one that the data was written with.'))
    findings.push(await checkDatabase(ctx, isServer))
    findings.push(...(await checkStorage(ctx, session.config)))
    findings.push(await checkClock(ctx, isServer))
    findings.push(...(await checkJobs(ctx)))
    findings.push(await checkSources(ctx))
    findings.push(await checkAdvisories(ctx))
  } catch (error) {
    findings.push(whyNotOpened(error, isServer))
  }
  return findings
}

function whyNotOpened(error: unknown, isServer: boolean): Finding {
  const { code, message } = toFailure(error)
  if (code === 'wrong_secret_key' || /secret\.key|REPERTOIRE_SECRET_KEY/.test(message)) {
    return problem(
      'key',
      message,
      'Without the right key stored credentials cannot be used; keep a copy of it away from the data.',
    )
  }
  if (code === 'database_too_new') {
    return problem('database', message, 'Never run an older release on newer data.')
  }
  const advice = isServer
    ? 'Check REPERTOIRE_DATABASE_URL, and that the database server runs and lets this machine in.'
    : 'Check that this user may write repertoire.db in the data folder, and restore a backup if the file is damaged.'
  return problem('database', message, advice)
}
