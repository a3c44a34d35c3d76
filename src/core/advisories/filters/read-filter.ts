import { MAX_CONSTRAINT_LENGTH, parsePackageName, tryParseConstraint } from '../../../composer/index.ts'
import { MALWARE_LIST } from './list-name.ts'

/** An entry as a feed tells it, checked. `versions` is a constraint, `packageName` in lower case. */
export interface FeedEntry {
  packageName: string
  affectedVersions: string
  reason: string | null
  url: string | null
  remoteId: string | null
}

/** What a feed answered; `skipped` entries were not usable. */
export type FilterAnswer = { kind: 'entries'; entries: FeedEntry[]; skipped: number } | { kind: 'unusable'; problem: string }

/** More than any list has; of a longer one nothing is taken, because a part would look like the whole. */
const MAX_ENTRIES = 100_000
const MAX_TEXT = 500

/**
 * Reads the malware list of a filter document (contract composer.md §1.7): of a summary, `{"filter": {"malware": {name: constraint}}}`, or of the
 * answer of an API, `{"filter": {"malware": [{package, constraint, …}]}}`. A document without the key `filter` is unusable, as for Composer. One
 * entry that is not as it should be is left out and counted.
 */
export function readFilterAnswer(text: string): FilterAnswer {
  const list = readList(text)
  if (typeof list === 'string') {
    return { kind: 'unusable', problem: list }
  }
  const raw = Array.isArray(list)
    ? list
    : Object.entries(list).map(([name, constraint]) => ({ package: name, constraint }) as Record<string, unknown>)
  if (raw.length > MAX_ENTRIES) {
    return { kind: 'unusable', problem: `it has more than ${MAX_ENTRIES} entries` }
  }
  const entries = raw.flatMap((entry) => toEntry(entry) ?? [])
  return { kind: 'entries', entries, skipped: raw.length - entries.length }
}

/** The list itself, or what is wrong with the document. */
function readList(text: string): Record<string, unknown> | unknown[] | string {
  const document = parseJson(text)
  const filter = isRecord(document) ? document['filter'] : undefined
  // An empty map comes as an empty list from PHP.
  if (Array.isArray(filter) && filter.length === 0) {
    return []
  }
  if (!isRecord(filter)) {
    return 'it is no JSON with a key "filter"'
  }
  const list = filter[MALWARE_LIST] ?? []
  return Array.isArray(list) || isRecord(list) ? list : `the list "${MALWARE_LIST}" is neither an object nor a list`
}

function toEntry(raw: unknown): FeedEntry | null {
  if (!isRecord(raw)) {
    return null
  }
  const { package: name, constraint } = raw
  const packageName = typeof name === 'string' ? parsePackageName(name) : null
  if (packageName === null || typeof constraint !== 'string' || constraint.length > MAX_CONSTRAINT_LENGTH) {
    return null
  }
  if (tryParseConstraint(constraint) === null) {
    return null
  }
  const { reason, url, id } = raw
  return { packageName, affectedVersions: constraint, reason: toText(reason), url: toUrl(url), remoteId: toText(id) }
}

/** Foreign text ends up in terminals and pages. */
function toText(value: unknown): string | null {
  if (typeof value !== 'string') {
    return null
  }
  const text = value.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
  return text === '' ? null : text.slice(0, MAX_TEXT)
}

function toUrl(value: unknown): string | null {
  const url = typeof value === 'string' && value.length <= MAX_TEXT ? URL.parse(value) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' ? url.href : null
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
