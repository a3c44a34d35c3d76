import type { Db } from '../kernel/schema.ts'
import type { Instant, OrganizationId } from '../kernel/values.ts'

/** A name or pattern that is kept for private packages; see `NameReservationsTable`. */
export interface NameReservation {
  pattern: string
  kind: 'name' | 'vendor' | 'manual' | 'released'
  createdAt: Instant
}

/** The reservations of a top organization by pattern. */
export async function selectReservations(db: Db, organization: OrganizationId): Promise<NameReservation[]> {
  return db
    .selectFrom('name_reservations')
    .select(['pattern', 'kind', 'created_at as createdAt'])
    .where('organization_id', '=', organization)
    .orderBy('pattern')
    .execute()
}

/** Those reservations of a top organization that are no single names, and those of these names. */
export async function selectReservationsFor(
  db: Db,
  organization: OrganizationId,
  names: readonly string[],
): Promise<NameReservation[]> {
  return db
    .selectFrom('name_reservations')
    .select(['pattern', 'kind', 'created_at as createdAt'])
    .where('organization_id', '=', organization)
    .where((where) => where.or([where('kind', '!=', 'name'), where('pattern', 'in', names)]))
    .orderBy('pattern')
    .execute()
}

const ROWS_PER_STATEMENT = 200

/** Reserves patterns; those that are reserved already stay as they are. */
export async function insertReservations(
  db: Db,
  organization: OrganizationId,
  reservations: readonly NameReservation[],
): Promise<void> {
  for (let start = 0; start < reservations.length; start += ROWS_PER_STATEMENT) {
    const rows = reservations.slice(start, start + ROWS_PER_STATEMENT)
    await db
      .insertInto('name_reservations')
      .values(
        rows.map(({ pattern, kind, createdAt }) => ({ organization_id: organization, pattern, kind, created_at: createdAt })),
      )
      .onConflict((conflict) => conflict.columns(['organization_id', 'pattern']).doNothing())
      .execute()
  }
}

/** Reserves a pattern, or says of a reserved one that it is of another kind. */
export async function putReservation(db: Db, organization: OrganizationId, reservation: NameReservation): Promise<void> {
  const { pattern, kind, createdAt } = reservation
  await db
    .insertInto('name_reservations')
    .values({ organization_id: organization, pattern, kind, created_at: createdAt })
    .onConflict((conflict) => conflict.columns(['organization_id', 'pattern']).doUpdateSet({ kind, created_at: createdAt }))
    .execute()
}

/** Forgets a reservation; false when there was none. */
export async function deleteReservation(db: Db, organization: OrganizationId, pattern: string): Promise<boolean> {
  const result = await db
    .deleteFrom('name_reservations')
    .where('organization_id', '=', organization)
    .where('pattern', '=', pattern)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Of these names those that a top organization or one of its suborganizations has a package of from a source of its own. */
export async function selectPrivateNames(db: Db, top: OrganizationId, names: readonly string[]): Promise<Set<string>> {
  const family = db
    .selectFrom('organizations')
    .select('id')
    .where((where) => where.or([where('id', '=', top), where('parent_id', '=', top)]))
  const rows = await db
    .selectFrom('packages')
    .innerJoin('sources', 'sources.id', 'packages.source_id')
    .select('packages.name')
    .where('packages.organization_id', 'in', family)
    .where('packages.name', 'in', names)
    .where('sources.kind', '!=', 'mirror')
    .execute()
  return new Set(rows.map(({ name }) => name))
}
