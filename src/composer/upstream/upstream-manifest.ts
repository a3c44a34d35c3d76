import { checkAutoload } from '../manifest/check-autoload.ts'
import { checkAuthors, checkFunding, checkSupport } from '../manifest/check-people.ts'
import { checkPhpExtension } from '../manifest/check-php-ext.ts'
import { checkBin, checkHomepage, checkKeywords, checkSuggest } from '../manifest/check-texts.ts'
import { checkFlatArray, checkString, startCheck, type ManifestCheck } from '../manifest/check.ts'
import { MANIFEST_DEPTH_LIMIT, type JsonObject, type JsonValue } from '../manifest/json.ts'
import { field } from '../manifest/php-values.ts'
import { toVersionManifest, type VersionManifest } from '../import/version-manifest.ts'

/** Fields that are judged together, each by its shape. */
interface ShapedFields {
  fields: readonly string[]
  checks: readonly ((check: ManifestCheck) => void)[]
}

/** Links and `extra` are not among them: they are judged with the whole version, because one that is wrong there makes it unusable. */
const SHAPED_FIELDS: readonly ShapedFields[] = [
  {
    fields: ['description', 'homepage', 'keywords', 'license'],
    checks: [
      (check) => checkString(check, 'description'),
      checkHomepage,
      checkKeywords,
      (check) => checkTextOrList(check, 'license'),
    ],
  },
  { fields: ['authors'], checks: [checkAuthors] },
  { fields: ['support'], checks: [checkSupport] },
  { fields: ['funding'], checks: [checkFunding] },
  { fields: ['type', 'php-ext'], checks: [checkPhpExtension] },
  { fields: ['target-dir', 'autoload'], checks: [(check) => checkString(check, 'target-dir'), checkAutoload] },
  {
    fields: ['bin', 'include-path', 'suggest'],
    checks: [checkBin, (check) => checkFlatArray(check, 'include-path'), checkSuggest],
  },
]

/**
 * Makes a reader for the versions of one document. It gives what is published of a version that an upstream describes: the fields of contract §7.4 in
 * the shapes of §2.3. Malformed ones are left out, as Composer's validating loader does; licences are not compared with any list. Versions of an
 * expanded document share their values, so what is the same as in the version before is not judged again.
 */
export function createManifestReader(): (written: JsonObject) => VersionManifest {
  const last = SHAPED_FIELDS.map((): Judged => ({ values: [], kept: [] }))
  return (written) => {
    const kept = SHAPED_FIELDS.flatMap((shaped, index) => {
      const values = shaped.fields.map((name) => field(written, name))
      const before = last[index]
      if (before !== undefined && before.values.length > 0 && values.every((value, at) => value === before.values[at])) {
        return before.kept
      }
      const judged = { values, kept: judge(shaped, values) }
      last[index] = judged
      return judged.kept
    })
    return toVersionManifest(Object.fromEntries(kept), written)
  }
}

interface Judged {
  values: readonly (JsonValue | undefined)[]
  kept: readonly [string, JsonValue][]
}

function judge({ fields, checks }: ShapedFields, values: Judged['values']): [string, JsonValue][] {
  const written = fields.flatMap((name, index): [string, JsonValue][] => {
    const value = values[index]
    return value === undefined ? [] : [[name, value]]
  })
  if (written.length === 0) return []
  const check = startCheck(Object.fromEntries(written))
  for (const run of checks) run(check)
  return [...check.fields]
}

function checkTextOrList(check: ManifestCheck, name: string): void {
  const value = check.fields.get(name)
  if (typeof value === 'string') check.fields.set(name, [value])
  const kept = checkFlatArray(check, name).filter((text) => text.trim() !== '')
  if (kept.length === 0) check.fields.delete(name)
  else check.fields.set(name, kept)
}

/**
 * Why a value cannot be sent on as JSON that every client reads (an unpaired surrogate, a number that JSON cannot express, too many levels), or
 * null. Values that were judged before are known by identity, as versions of an expanded document share them.
 */
export function findJsonFlaw(value: unknown, judged: WeakSet<object>, depth = 0): string | null {
  if (typeof value === 'string') return value.isWellFormed() ? null : 'it contains an unpaired surrogate'
  if (typeof value === 'number') return Number.isFinite(value) ? null : 'it contains a number that is too large'
  if (typeof value !== 'object' || value === null || judged.has(value)) return null
  if (depth >= MANIFEST_DEPTH_LIMIT) return `it is nested deeper than ${MANIFEST_DEPTH_LIMIT} levels`
  for (const key in value) {
    const flaw = key.isWellFormed()
      ? findJsonFlaw((value as JsonObject)[key], judged, depth + 1)
      : 'it contains an unpaired surrogate'
    if (flaw !== null) return flaw
  }
  judged.add(value)
  return null
}
