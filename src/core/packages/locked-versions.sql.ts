import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'
import { PACKAGE_COLUMNS, toPackage, type Dist, type Package } from './package-reading.sql.ts'

const KEYS_PER_STATEMENT = 200

/** A version as it was installed somewhere: by its normalized name and a reference, as far as they are known. */
export interface InstalledVersion {
  package: PackageId
  normalized: string | null
  reference: string | null
}

/**
 * What is known of installed versions: the present reference of each by package and normalized version, and by package and reference the archives of
 * these references and of those that were installed.
 */
export interface KnownInstalled {
  references: Map<string, string>
  dists: Map<string, Dist>
}

/** The key of a version or an archive in `KnownInstalled`. */
export function installedKey(id: PackageId, text: string): string {
  return `${id} ${text}`
}

/** Packages by their ids. */
export async function selectPackagesById(db: Db, ids: readonly PackageId[]): Promise<Package[]> {
  const packages: Package[] = []
  for (const some of batches(ids)) {
    const rows = await db.selectFrom('packages').select(PACKAGE_COLUMNS).where('id', 'in', some).execute()
    packages.push(...rows.map(toPackage))
  }
  return packages
}

/** What is known of many installed versions, in few statements. */
export async function selectInstalled(db: Db, installed: readonly InstalledVersion[]): Promise<KnownInstalled> {
  const known: KnownInstalled = { references: new Map(), dists: new Map() }
  for (const some of batches(installed)) {
    const ids = some.map((one) => one.package)
    const versions = some.flatMap(({ normalized }) => (normalized === null ? [] : [normalized]))
    const references = some.flatMap(({ reference }) => (reference === null ? [] : [reference]))
    const present = await selectReferences(db, ids, versions)
    for (const row of present) {
      known.references.set(installedKey(row.package, row.normalized), row.reference)
    }
    for (const dist of await selectDists(db, ids, [...references, ...present.map(({ reference }) => reference)])) {
      known.dists.set(installedKey(dist.package, dist.reference), dist)
    }
  }
  return known
}

async function selectReferences(db: Db, ids: readonly PackageId[], versions: readonly string[]) {
  if (versions.length === 0) {
    return []
  }
  return db
    .selectFrom('versions')
    .select(['package_id as package', 'normalized', 'reference'])
    .where('package_id', 'in', ids)
    .where('normalized', 'in', versions)
    .where('removed_at', 'is', null)
    .execute()
}

async function selectDists(db: Db, ids: readonly PackageId[], references: readonly string[]): Promise<Dist[]> {
  if (references.length === 0) {
    return []
  }
  return db
    .selectFrom('dists')
    .select(['id', 'package_id as package', 'reference', 'format', 'sha1', 'sha256', 'size'])
    .where('package_id', 'in', ids)
    .where('reference', 'in', [...new Set(references)])
    .execute()
}

function* batches<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += KEYS_PER_STATEMENT) {
    yield items.slice(start, start + KEYS_PER_STATEMENT)
  }
}
