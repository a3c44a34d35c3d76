import type { JsonValue } from './json.ts'
import { checkArray, isEmailAddress, isUrl, setOrDelete, without, type ManifestCheck } from './check.ts'
import { asObject, isEmptyValue, typeName } from './php-values.ts'

const AUTHOR_FIELDS = ['homepage', 'email', 'name', 'role'] as const
const FUNDING_FIELDS = ['type', 'url'] as const
const SUPPORT_FIELDS = ['issues', 'forum', 'wiki', 'source', 'email', 'irc', 'docs', 'rss', 'chat', 'security'] as const
const SUPPORT_URLS = ['issues', 'forum', 'wiki', 'source', 'docs', 'rss', 'chat', 'security'] as const

/** Keeps the well-formed entries of `authors` (CO-111): objects whose name, e-mail, homepage and role are usable. */
export function checkAuthors(check: ManifestCheck): void {
  checkRecords(check, 'authors', (path, author) => {
    const removed = checkTexts(check, path, { object: author, names: AUTHOR_FIELDS })
    // Composer judges these by what was written, so that a value of the wrong type is reported twice.
    const { homepage, email } = author
    if (isWritten(homepage) && !(typeof homepage === 'string' && isUrl(homepage))) {
      warn(check, `${path}.homepage`, { value: homepage, must: 'be an http/https URL' })
      removed.add('homepage')
    }
    if (isWritten(email) && !(typeof email === 'string' && isEmailAddress(email))) {
      warn(check, `${path}.email`, { value: email, must: 'be a valid email address' })
      removed.add('email')
    }
    return removed
  })
}

/** Keeps the well-formed entries of `funding` (CO-111): objects with a text as `type` and an http or https `url`. */
export function checkFunding(check: ManifestCheck): void {
  checkRecords(check, 'funding', (path, option) => {
    const removed = checkTexts(check, path, { object: option, names: FUNDING_FIELDS })
    const { url } = option
    if (isWritten(url) && !(typeof url === 'string' && isUrl(url))) {
      warn(check, `${path}.url`, { value: url, must: 'be an http/https URL' })
      removed.add('url')
    }
    return removed
  })
}

/** Keeps the usable channels of `support` (CO-111): texts, and where a URL or an address is due, only such. */
export function checkSupport(check: ManifestCheck): void {
  if (checkArray(check, 'support') === null) return
  const support = asObject(check.fields.get('support'))
  if (support === null) {
    check.errors.push('support : should be an object, list given')
    check.fields.delete('support')
    return
  }
  const removed = checkTexts(check, 'support', { object: support, names: SUPPORT_FIELDS })
  const { email, irc } = support
  if (typeof email === 'string' && !isEmailAddress(email)) {
    warn(check, 'support.email', { value: email, must: 'be a valid email address' })
    removed.add('email')
  }
  if (typeof irc === 'string' && !isUrl(irc, ['irc', 'ircs'])) {
    warn(check, 'support.irc', { value: irc, must: 'be a irc://<server>/<channel> or ircs:// URL' })
    removed.add('irc')
  }
  for (const name of SUPPORT_URLS) {
    const url = support[name]
    if (typeof url !== 'string' || isUrl(url)) continue
    warn(check, `support.${name}`, { value: url, must: 'be an http/https URL' })
    removed.add(name)
  }
  // Composer keeps unknown channels of any type; only texts can be shown.
  for (const [name, value] of Object.entries(support)) if (typeof value !== 'string') removed.add(name)
  setOrDelete(check, 'support', without(support, removed))
}

type CheckRecord = (path: string, record: Record<string, JsonValue>) => Set<string>

/** Checks each object of a list and keeps it without the fields that `checkRecord` names. */
function checkRecords(check: ManifestCheck, name: string, checkRecord: CheckRecord): void {
  const kept: JsonValue[] = []
  for (const [key, value] of checkArray(check, name) ?? []) {
    const record = asObject(value)
    if (record === null) {
      check.errors.push(`${name}.${key} : should be an array, ${typeName(value)} given`)
      continue
    }
    const rest = without(record, checkRecord(`${name}.${key}`, record))
    if (!isEmptyValue(rest)) kept.push(rest)
  }
  setOrDelete(check, name, kept)
}

/** Reports the named fields that are no texts and returns their names. */
function checkTexts(
  check: ManifestCheck,
  path: string,
  of: { object: Record<string, JsonValue>; names: readonly string[] },
): Set<string> {
  const removed = new Set<string>()
  for (const name of of.names) {
    const value = of.object[name]
    if (!isWritten(value) || typeof value === 'string') continue
    check.errors.push(`${path}.${name} : invalid value, must be a string`)
    removed.add(name)
  }
  return removed
}

function isWritten(value: JsonValue | undefined): value is Exclude<JsonValue, null> {
  return value !== undefined && value !== null
}

function warn(check: ManifestCheck, path: string, about: { value: Exclude<JsonValue, null>; must: string }): void {
  const shown = typeof about.value === 'object' ? JSON.stringify(about.value) : String(about.value)
  check.warnings.push(`${path} : invalid value (${shown}), must ${about.must}`)
}
