import { branchVersion, tryNormalizeVersion } from '../versions.ts'
import { shortened } from '../manifest/php-values.ts'
import type { LoadedManifest } from './load-manifest.ts'

/** A version as it is shown and as it is compared. */
export interface Identity {
  version: string
  normalized: string
}

/** Why a ref gives no version; the codes are those of the recorded verdicts of Composer. */
export type SkipCode =
  | 'invalid-name'
  | 'dev-suffix'
  | 'no-manifest'
  | 'invalid-json'
  | 'version-mismatch'
  | 'duplicate-version'
  | 'rejected'
  | 'not-listed'

/** A decision to skip a ref, with the reason in words for the maintainers. */
export interface Skip {
  code: SkipCode
  reason: string
}

const DEV_MARK = /^dev-|[.-]?dev$/i
const DEV_MARKS = /^dev-|[.-]?dev$/gi

/** The version of a branch, by its name alone (CO-118). */
export function branchIdentity(name: string): Identity | Skip {
  const identity = branchVersion(name)
  return identity ?? { code: 'invalid-name', reason: 'invalid name' }
}

/**
 * The version of a tag (CO-114, CO-115, CO-117): by its name, of which every `release-` is cut, unless the manifest has a `version` of
 * the same meaning; then that spelling is shown, provided that it is one word.
 */
export function tagIdentity(name: string, loaded: LoadedManifest): Identity | Skip {
  const tag = name.replaceAll('release-', '')
  const normalizedTag = tryNormalizeVersion(tag)
  if (normalizedTag === null) return { code: 'invalid-name', reason: 'invalid tag name' }
  // Composer looks at the suffix of a tag only after it has read the manifest.
  if (!loaded.ok) return { version: tag, normalized: normalizedTag }
  const written = loaded.version
  if (written.kind === 'unusable') return { code: 'rejected', reason: 'version should be a string' }
  const shown = written.kind === 'text' ? written.text : tag
  const normalized = written.kind === 'text' ? tryNormalizeVersion(written.text) : normalizedTag
  if (normalized === null) return { code: 'rejected', reason: `Invalid version string ${shortened(JSON.stringify(shown))}` }
  const release = normalized.replace(DEV_MARKS, '')
  if (release === normalizedTag) return { version: displayed(shown, tag), normalized: release }
  if (DEV_MARK.test(normalizedTag))
    return { code: 'dev-suffix', reason: 'invalid tag name, tags can not use dev prefixes or suffixes' }
  return { code: 'version-mismatch', reason: `tag (${normalizedTag}) does not match version (${release}) in composer.json` }
}

/** A spelling with spaces (`2.6.0 as 2.7.0`) would not survive in URLs and lock files as a version. */
function displayed(written: string, tag: string): string {
  return (/\s/.test(written) ? tag : written).replace(/[.-]?dev$/i, '')
}

/**
 * The version of a tag or branch taken by its name alone, as Pricore does (contract pricore.md §9.4): what begins like `1.2` or `v1.2` is the version
 * itself, everything else `dev-` and the name.
 */
export function literalIdentity(name: string): Identity {
  const version = /^v?\d+\.\d+/.test(name) ? name : `dev-${name}`
  return { version, normalized: tryNormalizeVersion(version) ?? `dev-${version}` }
}

/** Two versions of one name with the same key are the same version to Composer: zeros before a number do not count (CO-116). */
export function versionKey({ name, normalized }: { name: string; normalized: string }): string {
  const comparable = normalized.startsWith('dev-') ? normalized : normalized.replace(/(?<!\d)0+(?=\d)/g, '')
  return `${name} ${comparable}`
}
