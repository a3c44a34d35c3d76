import { MAX_CONSTRAINT_LENGTH, parsePackageName } from '../../composer/index.ts'
import { toInertText } from '../mail/index.ts'
import type { Instant } from '../kernel/values.ts'
import { SEVERITIES, type AdvisorySource, type Severity } from './advisory.ts'

/** An advisory as a feed or a file tells it, checked. */
export interface ReadAdvisory {
  advisoryId: string
  packageName: string
  affectedVersions: string
  title: string
  link: string | null
  cve: string | null
  severity: Severity | null
  reportedAt: Instant | null
  sources: AdvisorySource[]
  composerRepository: string | null
}

/** Why an advisory was left out. */
export interface SkippedAdvisory {
  advisory: string
  reason: string
}

/** What a document says. `unusable`: it is no list of advisories at all. */
export type ReadAdvisories =
  | { kind: 'advisories'; advisories: ReadAdvisory[]; skipped: SkippedAdvisory[] }
  | { kind: 'unusable'; problem: string }

const MAX_ID = 200
const MAX_TEXT = 2_000
const MAX_SOURCES = 20
/** Every client that asks for the package gets them all. */
const MAX_PER_PACKAGE = 1_000
/** Some databases have a word of their own. */
const SEVERITY_WORDS: ReadonlyMap<string, Severity> = new Map([
  ...SEVERITIES.map((severity) => [severity, severity] as const),
  ['moderate', 'medium'],
])

/**
 * Reads the answer of an advisories API (contract composer.md §7.6), or what `composer audit --format=json` prints, which has the same form:
 * `advisories` with a list for each package. What is wrong with one advisory leaves that one out; the last of several about one package with one id
 * counts.
 */
export function readAdvisories(document: unknown, fallbackSource: string): ReadAdvisories {
  const listed = isRecord(document) ? own(document, 'advisories') : undefined
  if (!isRecord(listed) && !(Array.isArray(listed) && listed.length === 0)) {
    return { kind: 'unusable', problem: 'there is no "advisories" in it' }
  }
  const advisories = new Map<string, ReadAdvisory>()
  const skipped: SkippedAdvisory[] = []
  for (const [name, values] of Object.entries(listed)) {
    const list = listOf(values)
    if (list.length > MAX_PER_PACKAGE) {
      skipped.push({ advisory: toInertText(name, MAX_ID), reason: `it has more than ${MAX_PER_PACKAGE} advisories` })
    }
    for (const value of list.slice(0, MAX_PER_PACKAGE)) {
      const read = readAdvisory(name, value, fallbackSource)
      if ('reason' in read) {
        skipped.push(read)
      } else {
        advisories.set(advisoryKey(read), read)
      }
    }
  }
  return { kind: 'advisories', advisories: [...advisories.values()], skipped }
}

/** What an advisory of a feed is known by: some databases use one id for several packages. */
export function advisoryKey({ advisoryId, packageName }: Pick<ReadAdvisory, 'advisoryId' | 'packageName'>): string {
  return `${advisoryId} ${packageName}`
}

/** PHP writes a list with gaps as an object. */
function listOf(values: unknown): unknown[] {
  if (Array.isArray(values)) {
    return values
  }
  return isRecord(values) ? Object.values(values) : [values]
}

function readAdvisory(name: string, value: unknown, fallbackSource: string): ReadAdvisory | SkippedAdvisory {
  if (!isRecord(value)) {
    return { advisory: toInertText(name, MAX_ID), reason: 'it is not an object' }
  }
  const advisoryId = own(value, 'advisoryId')
  if (typeof advisoryId !== 'string' || !/^[!-~]{1,200}$/.test(advisoryId)) {
    return { advisory: toInertText(name, MAX_ID), reason: 'its advisoryId is missing or no identifier' }
  }
  const packageName = parsePackageName(name)
  const named = own(value, 'packageName')
  if (packageName === null || (typeof named === 'string' && named.toLowerCase() !== packageName.toLowerCase())) {
    return {
      advisory: advisoryId,
      reason: 'the name of its package is not valid, or another than the one that it is listed under',
    }
  }
  const affectedVersions = own(value, 'affectedVersions')
  if (typeof affectedVersions !== 'string' || affectedVersions === '' || affectedVersions.length > MAX_CONSTRAINT_LENGTH) {
    return { advisory: advisoryId, reason: 'its affectedVersions are missing or too long' }
  }
  return {
    advisoryId,
    packageName: packageName.toLowerCase(),
    affectedVersions: toInertText(affectedVersions, MAX_CONSTRAINT_LENGTH),
    ...readDescription(value, advisoryId),
    sources: readSources(value, { name: fallbackSource, remoteId: advisoryId }),
  }
}

function readDescription(value: Record<string, unknown>, advisoryId: string) {
  const cve = textOf(value, 'cve', MAX_ID)
  return {
    title: textOf(value, 'title', MAX_TEXT) ?? advisoryId,
    link: webAddress(textOf(value, 'link', MAX_TEXT)),
    cve: cve !== null && isCve(cve) ? cve.toUpperCase() : null,
    severity: SEVERITY_WORDS.get((textOf(value, 'severity', MAX_ID) ?? '').toLowerCase()) ?? null,
    reportedAt: parseReportedAt(textOf(value, 'reportedAt', MAX_ID)),
    composerRepository: webAddress(textOf(value, 'composerRepository', MAX_TEXT)),
  }
}

function readSources(value: Record<string, unknown>, fallback: AdvisorySource): AdvisorySource[] {
  const sources = listOf(own(value, 'sources') ?? []).slice(0, MAX_SOURCES)
  const read = sources.flatMap((source) => {
    const name = isRecord(source) ? textOf(source, 'name', MAX_ID) : null
    const remoteId = isRecord(source) ? textOf(source, 'remoteId', MAX_ID) : null
    return name === null || remoteId === null ? [] : [{ name, remoteId }]
  })
  return read.length === 0 ? [fallback] : read
}

/** Whether a text is the identifier of a CVE. */
export function isCve(text: string): boolean {
  return /^CVE-\d{4}-\d{4,19}$/i.test(text)
}

/** The time of `YYYY-MM-DD HH:MM:SS` in UTC or of an RFC 3339 text; null for anything else. */
export function parseReportedAt(text: string | null): Instant | null {
  const [, day, time, zone] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text ?? '') ?? []
  const parsed = day === undefined ? Number.NaN : Date.parse(`${day}T${time ?? '00:00:00'}${zone ?? 'Z'}`)
  return Number.isNaN(parsed) ? null : parsed
}

/** An http or https URL without credentials, as written except for what has to be escaped; or null. */
export function webAddress(text: string | null): string | null {
  const url = text === null ? null : URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return null
  }
  return url.href === `${text}/` ? text : url.href
}

function textOf(value: Record<string, unknown>, key: string, limit: number): string | null {
  const text = own(value, key)
  const clean = typeof text === 'string' ? toInertText(text, limit) : ''
  return clean === '' ? null : clean
}

function own(value: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
