import { compareForDisplay, type DisplayedVersion } from './compare.ts'
import type { ImportedVersion } from './import/references.ts'
import { LINK_KINDS } from './import/version-manifest.ts'
import type { JsonObject, JsonValue } from './manifest/json.ts'
import { isEmptyValue } from './manifest/php-values.ts'

/** What is known of a version, imported or uploaded, apart from where its files are. */
export type DescribedVersion = Pick<
  ImportedVersion,
  'name' | 'version' | 'normalized' | 'isDefaultBranch' | 'time' | 'type' | 'manifest'
>

/** Where the files of a version are. Incomplete ones are left out, because clients stop at them (CO-038). */
export interface MetadataOrigin {
  type: string
  url: string
  reference?: string | null
  /** SHA-1 of the file; dists of stable versions only. */
  shasum?: string | null
}

/** What a metadata document adds to a version. */
export interface MetadataContext {
  source: MetadataOrigin | null
  dist: MetadataOrigin | null
  /** Of the package, not of the version: it is repeated on all of them and vanishes when it is cleared (CO-033). */
  abandoned: boolean | string
  /** RFC 3339: when the version was first seen, or last changed if it is a dev version. */
  publishedTime?: string | null
}

/**
 * The object that stands for a version in a metadata document, with the fields of contract §7.4 in that order (CO-028, CO-032, CO-038,
 * CO-039). Empty fields are left out; `self.version` is left to the client.
 */
export function metadataVersion(version: DescribedVersion, context: MetadataContext): JsonObject {
  const { manifest } = version
  const fields: [string, JsonValue | undefined][] = [
    ['name', version.name],
    ['description', manifest.description],
    ['keywords', manifest.keywords],
    ['homepage', manifest.homepage],
    ['version', version.version],
    ['version_normalized', version.normalized],
    ['license', manifest.license],
    ['authors', manifest.authors],
    ['source', toOrigin(context.source, ['type', 'url', 'reference'])],
    ['dist', toOrigin(context.dist, ['type', 'url'])],
    ['type', version.type],
    ['support', manifest.support],
    ['php-ext', manifest['php-ext']],
    ['funding', manifest.funding],
    ['time', version.time],
    ['published-time', context.publishedTime],
    ['autoload', manifest.autoload],
    ['extra', manifest.extra],
    ['target-dir', manifest['target-dir']],
    ['include-path', manifest['include-path']],
    ['bin', manifest.bin],
    ['default-branch', version.isDefaultBranch],
    ...toLinkFields(version),
    ['abandoned', context.abandoned],
  ]
  const present = fields.filter((entry): entry is [string, JsonValue] => entry[0] === 'version' || !isEmptyValue(entry[1]))
  return Object.fromEntries(present)
}

/** The versions of one package in the order of metadata documents and listings (CO-027, contract §5.7). */
export function sortForMetadata<Version extends SortedVersion>(versions: readonly Version[]): Version[] {
  const keyed = versions.map((version) => ({ version, key: toDisplayed(version) }))
  return keyed.sort((a, b) => compareForDisplay(a.key, b.key)).map(({ version }) => version)
}

type SortedVersion = Pick<ImportedVersion, 'normalized' | 'branchAlias' | 'isDefaultBranch' | 'time'>

function toDisplayed({ normalized, branchAlias, isDefaultBranch, time }: SortedVersion): DisplayedVersion {
  const releasedAt = time === null ? null : Date.parse(time)
  return { normalized, branchAlias: branchAlias?.version ?? null, isDefaultBranch, releasedAt }
}

function toLinkFields({ manifest }: DescribedVersion): [string, JsonValue | undefined][] {
  const [require, requireDev, ...others] = LINK_KINDS.map((kind): [string, JsonValue | undefined] => [kind, manifest[kind]])
  const ordered = [require, requireDev, ['suggest', manifest.suggest] as [string, JsonValue | undefined], ...others]
  return ordered.filter((entry) => entry !== undefined)
}

function toOrigin(origin: MetadataOrigin | null, required: readonly (keyof MetadataOrigin)[]): JsonObject | undefined {
  if (origin === null) return undefined
  const { type, url, reference, shasum } = origin
  const written: JsonObject = { type, url, ...(reference ? { reference } : {}), ...(shasum ? { shasum } : {}) }
  const isComplete = required.every((key) => !isEmptyValue(written[key]))
  // Clients refuse what a command line could take for an option (CO-122).
  return isComplete && !/^\s*-/.test(url) && !/^\s*-/.test(reference ?? '') ? written : undefined
}
