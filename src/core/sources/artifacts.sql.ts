import type { ArchiveFormat } from '../../composer/index.ts'
import { toPaged, type Page, type Paged } from '../kernel/paging.ts'
import type { Db } from '../kernel/schema.ts'
import { insertSource } from './sources.sql.ts'
import type { ArtifactId, Instant, ManifestId, OrganizationId, PackageId, SourceId } from '../kernel/values.ts'

/**
 * An uploaded archive. `reference` is the SHA-1 of its bytes. It is `current` while metadata shows it, `replaced` when its version
 * has other content now, and `removed` while its version is hidden; in all of these it can be downloaded. Size in bytes.
 */
export interface Artifact {
  id: ArtifactId
  uid: string
  package: PackageId
  packageName: string
  version: string
  normalized: string
  reference: string
  fileName: string
  format: ArchiveFormat
  size: number
  sha256: string
  state: 'current' | 'replaced' | 'removed'
  createdAt: Instant
}

/** Later than every clock: nothing has to look at such a source by itself. */
export const NEVER = Number.MAX_SAFE_INTEGER

/** Where a source of uploads says it comes from: each package has one, and no two sources of an organization share a URL. */
export function artifactUrl(name: string): string {
  return `artifact://${name}`
}

/** Stores the source of the uploads of a package, locked until the transaction ends, or returns null when there is one. */
export async function insertArtifactSource(
  db: Db,
  input: { uid: string; organization: OrganizationId; name: string; createdAt: Instant },
): Promise<SourceId | null> {
  const { uid, organization, name, createdAt } = input
  const stored = await insertSource(db, {
    uid,
    organization,
    kind: 'artifact',
    url: artifactUrl(name),
    credential: null,
    state: 'ready',
    createdAt,
    nextSyncAt: NEVER,
  })
  return stored?.id ?? null
}

/** Takes the row lock of the source of a package's uploads until the transaction ends; null when there is none. See `lockSource`. */
export async function lockArtifactSource(db: Db, organization: OrganizationId, name: string): Promise<SourceId | null> {
  const row = await db
    .updateTable('sources')
    .set((update) => ({ sync_revision: update('sync_revision', '+', 1) }))
    .where('organization_id', '=', organization)
    .where('url', '=', artifactUrl(name))
    .where('kind', '=', 'artifact')
    .returning('id')
    .executeTakeFirst()
  return row?.id ?? null
}

/** Forgets the uploads of a version. */
export async function deleteArtifactsOf(db: Db, owner: PackageId, normalized: string): Promise<void> {
  await db.deleteFrom('artifacts').where('package_id', '=', owner).where('normalized', '=', normalized).execute()
}

/** Remembers an upload; the same bytes for the same version are remembered once. */
export async function insertArtifact(
  db: Db,
  input: {
    uid: string
    package: PackageId
    version: string
    normalized: string
    reference: string
    fileName: string
    manifest: ManifestId
    createdAt: Instant
  },
): Promise<void> {
  await db
    .insertInto('artifacts')
    .values({
      uid: input.uid,
      package_id: input.package,
      version: input.version,
      normalized: input.normalized,
      reference: input.reference,
      file_name: input.fileName,
      manifest_id: input.manifest,
      created_at: input.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['package_id', 'normalized', 'reference']).doNothing())
    .execute()
}

function artifacts(db: Db) {
  return db
    .selectFrom('artifacts')
    .innerJoin('packages', 'packages.id', 'artifacts.package_id')
    .innerJoin('dists', (join) =>
      join.onRef('dists.package_id', '=', 'artifacts.package_id').onRef('dists.reference', '=', 'artifacts.reference'),
    )
    .leftJoin('versions', (join) =>
      join
        .onRef('versions.package_id', '=', 'artifacts.package_id')
        .onRef('versions.normalized', '=', 'artifacts.normalized')
        .onRef('versions.reference', '=', 'artifacts.reference'),
    )
    .select([
      'artifacts.id',
      'artifacts.uid',
      'artifacts.package_id as package',
      'packages.name as packageName',
      'artifacts.version',
      'artifacts.normalized',
      'artifacts.reference',
      'artifacts.file_name as fileName',
      'dists.format',
      'dists.size',
      'dists.sha256',
      'artifacts.created_at as createdAt',
      'versions.id as versionId',
      'versions.removed_at as removedAt',
    ])
}

type Row = Awaited<ReturnType<ReturnType<typeof artifacts>['execute']>>[number]

function toArtifact({ versionId, removedAt, size, sha256, ...row }: Row): Artifact {
  const shown = removedAt === null ? 'current' : 'removed'
  return { ...row, size: size ?? 0, sha256: sha256 ?? '', state: versionId === null ? 'replaced' : shown }
}

/** The upload of a package for a version with these bytes, or null. */
export async function findArtifact(
  db: Db,
  input: { package: PackageId; normalized: string; reference: string },
): Promise<Artifact | null> {
  const row = await artifacts(db)
    .where('artifacts.package_id', '=', input.package)
    .where('artifacts.normalized', '=', input.normalized)
    .where('artifacts.reference', '=', input.reference)
    .executeTakeFirst()
  return row === undefined ? null : toArtifact(row)
}

/** The uploads of an organization in the order of their arrival, of all packages or of one (lower case). */
export async function selectArtifacts(
  db: Db,
  filter: { organization: OrganizationId; name: string | null },
  page: Page,
): Promise<Paged<Artifact>> {
  let query = artifacts(db)
    .where('packages.organization_id', '=', filter.organization)
    .where('artifacts.id', '>', (page.after ?? 0) as ArtifactId)
  if (filter.name !== null) {
    query = query.where('packages.name', '=', filter.name)
  }
  const rows = await query
    .orderBy('artifacts.id')
    .limit(page.limit + 1)
    .execute()
  return toPaged(rows.map(toArtifact), page.limit)
}
