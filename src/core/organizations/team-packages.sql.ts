import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId, SourceId, TeamId } from '../kernel/values.ts'

const ROWS_PER_STATEMENT = 500

/** Gives packages (names in lower case) to teams. Returns how many they did not have. */
export async function insertTeamPackages(
  db: Db,
  input: { teams: readonly TeamId[]; names: readonly string[]; createdAt: Instant },
): Promise<number> {
  const rows = input.teams.flatMap((team_id) => input.names.map((name) => ({ team_id, name, created_at: input.createdAt })))
  let inserted = 0
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const result = await db
      .insertInto('team_packages')
      .values(rows.slice(start, start + ROWS_PER_STATEMENT))
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    inserted += Number(result.numInsertedOrUpdatedRows ?? 0n)
  }
  return inserted
}

/** Takes a package from a team; false when the team did not have it. */
export async function deleteTeamPackage(db: Db, team: TeamId, name: string): Promise<boolean> {
  const result = await db.deleteFrom('team_packages').where('team_id', '=', team).where('name', '=', name).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** The names of a team's packages, sorted; at most `limit` after `afterName`. */
export async function selectTeamPackages(db: Db, team: TeamId, page: { limit: number; afterName: string }): Promise<string[]> {
  const rows = await db
    .selectFrom('team_packages')
    .select('name')
    .where('team_id', '=', team)
    .where('name', '>', page.afterName)
    .orderBy('name')
    .limit(page.limit)
    .execute()
  return rows.map((row) => row.name)
}

/** The names of the packages of several teams, sorted, each once. */
export async function selectNamesOfTeams(db: Db, teams: readonly TeamId[]): Promise<string[]> {
  if (teams.length === 0) {
    return []
  }
  const rows = await db
    .selectFrom('team_packages')
    .select('name')
    .distinct()
    .where('team_id', 'in', teams)
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name)
}

/** The names of the packages of several teams as a subquery. */
export function namesOfTeams(db: Db, teams: readonly TeamId[]) {
  return db
    .selectFrom('team_packages')
    .select('name')
    .where((where) => (teams.length === 0 ? where.lit(false) : where('team_id', 'in', teams)))
}

/** Of these names those that belong to one of the teams. */
export async function selectHeldNames(db: Db, teams: readonly TeamId[], names: readonly string[]): Promise<Set<string>> {
  const held = new Set<string>()
  for (let start = 0; teams.length > 0 && start < names.length; start += ROWS_PER_STATEMENT) {
    const rows = await db
      .selectFrom('team_packages')
      .select('name')
      .where('team_id', 'in', teams)
      .where('name', 'in', names.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
    for (const { name } of rows) {
      held.add(name)
    }
  }
  return held
}

/** Takes a package that is deleted from all teams of its organization: one that gets the name later is another package. */
export async function forgetTeamPackage(db: Db, organization: OrganizationId, name: string): Promise<void> {
  await db
    .deleteFrom('team_packages')
    .where('name', '=', name)
    .where('team_id', 'in', (select) => select.selectFrom('teams').select('id').where('organization_id', '=', organization))
    .execute()
}

/** Notes that the packages of a source belong to teams, also those that it will bring. */
export async function insertTeamSources(db: Db, source: SourceId, teams: readonly TeamId[]): Promise<void> {
  if (teams.length > 0) {
    const rows = teams.map((team_id) => ({ source_id: source, team_id }))
    await db
      .insertInto('team_sources')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

/** The sources whose packages belong to one of the teams from the beginning. */
export async function selectSourcesOfTeams(db: Db, teams: readonly TeamId[]): Promise<SourceId[]> {
  if (teams.length === 0) {
    return []
  }
  const rows = await db.selectFrom('team_sources').select('source_id').distinct().where('team_id', 'in', teams).execute()
  return rows.map((row) => row.source_id)
}

/** The teams to which the packages of a source belong from the beginning. */
export async function selectTeamsOfSource(db: Db, source: SourceId): Promise<TeamId[]> {
  const rows = await db.selectFrom('team_sources').select('team_id').where('source_id', '=', source).execute()
  return rows.map((row) => row.team_id)
}
