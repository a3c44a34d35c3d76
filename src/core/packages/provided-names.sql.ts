import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'

/** A package may name thousands of extensions; what is beyond this is not indexed. */
const MAX_NAMES = 1000

/** Replaces the names (lower case) under which `providers-api` finds a package. */
export async function replaceProvidedNames(db: Db, packageId: PackageId, names: readonly string[]): Promise<void> {
  await db.deleteFrom('provided_names').where('package_id', '=', packageId).execute()
  await insertProvidedNames(db, packageId, names)
}

/** As `replaceProvidedNames`, for a package that has none. */
export async function insertProvidedNames(db: Db, packageId: PackageId, names: readonly string[]): Promise<void> {
  const distinct = [...new Set(names)].slice(0, MAX_NAMES)
  if (distinct.length > 0) {
    await db
      .insertInto('provided_names')
      .values(distinct.map((name) => ({ package_id: packageId, name })))
      .execute()
  }
}
