import { listOrganizations } from '../../core/access/index.ts'
import { countJobs, findOldestDue, listJobs } from '../../core/jobs/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { listSources } from '../../core/sources/index.ts'
import { readAll } from '../read-all.ts'
import { countOf, toMoment } from '../texts.ts'
import { fine, problem, warning, type Finding } from './check.ts'
import { readFileFaults, readServerFacts } from './database-facts.sql.ts'

const OLDEST_SERVER = 14
const SECOND = 1_000
const MINUTE = 60 * SECOND
const STUCK_AFTER = 10 * MINUTE
const YEARS = { first: 2025, last: 2100 }

/** Whether the opened database is intact, or new enough. */
export async function checkDatabase(ctx: Ctx, isServer: boolean): Promise<Finding> {
  if (isServer) {
    const { version } = await readServerFacts(ctx.db)
    const text = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}`
    return Math.floor(version / 10_000) < OLDEST_SERVER
      ? problem('database', `${text} is too old.`, `Upgrade to PostgreSQL ${OLDEST_SERVER} or newer.`)
      : fine('database', `${text}, the schema is up to date.`)
  }
  const faults = await readFileFaults(ctx.db)
  return faults.length === 0
    ? fine('database', 'SQLite, intact, the schema is up to date.')
    : problem(
        'database',
        `The file is damaged: ${faults[0]}`,
        'Stop the server, keep a copy of the data folder, and restore a backup.',
      )
}

/** Whether the time of day is plausible and agrees with what was recorded before. */
export async function checkClock(ctx: Ctx, isServer: boolean): Promise<Finding> {
  const advice = 'Set the clock and let it be kept right (NTP): tokens expire and Composer revalidates by it.'
  const now = Date.now()
  const year = new Date(now).getUTCFullYear()
  if (year < YEARS.first || year > YEARS.last) {
    return problem('clock', `It shows the year ${year}.`, advice)
  }
  const difference = isServer ? Math.abs((await readServerFacts(ctx.db)).now - Date.now()) : 0
  if (difference > 5 * SECOND) {
    return warning('clock', `It differs from that of the database server by ${Math.round(difference / SECOND)} seconds.`, advice)
  }
  const [newest] = (await listJobs(ctx, { organization: null, state: null, kind: null }, { limit: 1, after: null })).items
  if (newest !== undefined && newest.createdAt > now + MINUTE) {
    return warning('clock', `It shows ${toMoment(now)}, but a job was created at ${toMoment(newest.createdAt)}.`, advice)
  }
  return fine('clock', `It shows ${toMoment(now)}.`)
}

/** Whether jobs wait too long or have failed. */
export async function checkJobs(ctx: Ctx): Promise<Finding[]> {
  const oldest = await findOldestDue(ctx.db, ctx.now)
  const failed = (await countJobs(ctx.db)).find(({ state }) => state === 'failed')?.count ?? 0
  const findings: Finding[] = []
  if (oldest !== null && oldest < ctx.now - STUCK_AFTER) {
    const advice = 'Start a server with the worker role, or more of them; see "repertoire job list --state queued".'
    findings.push(problem('jobs', `Jobs wait for more than 10 minutes, the oldest since ${toMoment(oldest)}.`, advice))
  }
  if (failed > 0) {
    const advice = 'See "repertoire job list --state failed", and try them again with "repertoire job retry".'
    findings.push(warning('jobs', `${countOf(failed, 'job')} failed.`, advice))
  }
  return findings.length > 0 ? findings : [fine('jobs', 'None is stuck, none failed.')]
}

/** Whether all sources could be read the last time. */
export async function checkSources(ctx: Ctx): Promise<Finding> {
  const organizations = await readAll(undefined, (page) => listOrganizations(ctx, page))
  let count = 0
  const failing: string[] = []
  for (const { id, slug } of organizations) {
    const sources = await readAll(undefined, (page) => listSources(ctx, { organization: id, page }))
    count += sources.length
    if (sources.some(({ state }) => state === 'failing')) {
      failing.push(`${slug} (${sources.filter(({ state }) => state === 'failing').length})`)
    }
  }
  return failing.length === 0
    ? fine('sources', `${countOf(count, 'source')}, none failing.`)
    : warning('sources', `Sources that cannot be read: ${failing.join(', ')}.`, 'See "repertoire source list" for the problems.')
}
