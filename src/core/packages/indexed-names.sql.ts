import { compareVersions, type VersionManifest } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { PackageId } from '../kernel/values.ts'
import { insertProvidedNames, replaceProvidedNames } from './provided-names.sql.ts'

/** A package may name thousands of packages; what is beyond this, of each kind, is not indexed. */
const MAX_NAMES = 1000
const MAX_NAME = 300
const ROWS_PER_STATEMENT = 300

/** What describes a package: its version with that manifest (JSON). */
interface Describing {
  normalized: string
  type: string
  defaultBranch: boolean
  manifest: string
}

/** The version that speaks for its package: that of the default branch, else the highest; undefined when there is none. */
export function findDescribing<Version extends Describing>(versions: readonly Version[]): Version | undefined {
  let highest: Version | undefined
  for (const version of versions) {
    if (version.defaultBranch) {
      return version
    }
    if (highest === undefined || compareVersions(version.normalized, highest.normalized) > 0) {
      highest = version
    }
  }
  return highest
}

/**
 * Replaces everything by which a package is found besides its name: what it provides (CO-132), requires and suggests (CO-143), and its keywords
 * (CO-131), each as the describing one of these versions has it. Of a package that is new there is nothing to be replaced.
 */
export async function indexNames(
  db: Db,
  { id: packageId, name: ownName, isNew = false }: { id: PackageId; name: string; isNew?: boolean },
  versions: readonly Describing[],
): Promise<void> {
  const described = findDescribing(versions)
  const manifest = described === undefined ? {} : (JSON.parse(described.manifest) as VersionManifest)
  const provided = [...Object.keys(manifest.provide ?? {}), ...listExtensions(ownName, described?.type, manifest)]
  if (isNew) {
    await insertProvidedNames(db, packageId, toNames(provided))
  } else {
    await replaceProvidedNames(db, packageId, toNames(provided))
    await db.deleteFrom('requirements').where('package_id', '=', packageId).execute()
    await db.deleteFrom('keywords').where('package_id', '=', packageId).execute()
  }
  const requirements = (['require', 'require-dev', 'suggest'] as const).flatMap((kind) =>
    toNames(Object.keys(manifest[kind] ?? {})).map((name) => ({ package_id: packageId, kind, name })),
  )
  for (let start = 0; start < requirements.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('requirements')
      .values(requirements.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
  const keywords = toNames(manifest.keywords ?? []).map((keyword) => ({ package_id: packageId, keyword }))
  for (let start = 0; start < keywords.length; start += ROWS_PER_STATEMENT) {
    await db
      .insertInto('keywords')
      .values(keywords.slice(start, start + ROWS_PER_STATEMENT))
      .execute()
  }
}

/** The platform package that a PHP extension stands for (contract composer.md §7.3). */
function listExtensions(name: string, type: string | undefined, manifest: VersionManifest): string[] {
  if (type !== 'php-ext' && type !== 'php-ext-zend') {
    return []
  }
  const declared = manifest['php-ext']?.['extension-name']
  const extension = typeof declared === 'string' ? declared : name.slice(name.indexOf('/') + 1)
  return [`ext-${extension.replace(/^ext-/, '')}`]
}

function toNames(texts: readonly unknown[]): string[] {
  const names = texts.filter((text) => typeof text === 'string' && text !== '' && text.length <= MAX_NAME) as string[]
  return [...new Set(names.map((name) => name.toLowerCase()))].slice(0, MAX_NAMES)
}
