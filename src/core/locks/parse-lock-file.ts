import { MAX_VERSION_LENGTH, packageNameProblem, readManifestJson, tryNormalizeVersion } from '../../composer/index.ts'
import { invalidInput } from '../kernel/errors.ts'

/** Bytes of a lock file. */
export const LOCK_SIZE_LIMIT = 8 * 1024 * 1024

const MAX_PACKAGES = 5_000
const LONGEST_TEXT = 2_000
const LONGEST_REFERENCE = 255

/** Where a lock file says that the archive of a package is. */
export interface LockedDist {
  url: string
  reference: string | null
  /** SHA-1 in lower case; null where there is none. */
  shasum: string | null
  /** The addresses of `mirrors` that come before `url`. */
  preferred: readonly string[]
}

/** A package of a lock file, as far as it is looked at. */
export interface LockedPackage {
  /** Lower case. */
  name: string
  version: string
  /** By Composer's rules; null for what is no version. */
  normalized: string | null
  /** From `packages-dev`. */
  isForDevelopment: boolean
  type: string
  dist: LockedDist | null
  /** The reference of `source`, where there is one. */
  source: { url: string; reference: string | null } | null
}

/**
 * Reads a composer.lock from whoever sent it: at most `LOCK_SIZE_LIMIT` bytes and 5,000 packages, each name once. What is not looked at may be
 * anything. Throws `invalid_input` with the place of the first fault.
 */
export function parseLockFile(bytes: Uint8Array): LockedPackage[] {
  const read = readManifestJson(bytes, LOCK_SIZE_LIMIT)
  if (!read.ok) {
    throw invalidInput('lock', read.problem.reason.replaceAll('composer.json', 'the file'))
  }
  const lock = requireObject(read.value, 'lock')
  const lists = [
    { field: 'packages', isForDevelopment: false, entries: requireList(lock['packages'], 'packages') },
    { field: 'packages-dev', isForDevelopment: true, entries: requireList(lock['packages-dev'] ?? [], 'packages-dev') },
  ]
  if (lists.some(({ entries }) => entries.length > MAX_PACKAGES)) {
    throw invalidInput('packages', `more than ${MAX_PACKAGES} packages are not looked at`)
  }
  const packages = new Map<string, LockedPackage>()
  for (const { field, isForDevelopment, entries } of lists) {
    for (const [index, entry] of entries.entries()) {
      const locked = readPackage(requireObject(entry, `${field}[${index}]`), { place: `${field}[${index}]`, isForDevelopment })
      if (!packages.has(locked.name)) {
        packages.set(locked.name, locked)
      }
    }
  }
  return [...packages.values()]
}

type Json = Readonly<Record<string, unknown>>

function requireList(value: unknown, place: string): unknown[] {
  if (!Array.isArray(value)) {
    throw invalidInput(place, 'a lock file has a list here')
  }
  return value
}

function requireObject(value: unknown, place: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidInput(place, 'a lock file has an object here')
  }
  return value as Json
}

/** A text of some length, or null where there is none. */
function findText(
  object: Json,
  key: string,
  { place, longest = LONGEST_TEXT }: { place: string; longest?: number },
): string | null {
  const value = Object.hasOwn(object, key) ? object[key] : null
  if (value === null || value === '') {
    return null
  }
  if (typeof value !== 'string' || value.length > longest || /\p{Cc}/u.test(value)) {
    throw invalidInput(`${place}.${key}`, `give a text of at most ${longest} characters`)
  }
  return value
}

function readPackage(entry: Json, { place, isForDevelopment }: { place: string; isForDevelopment: boolean }): LockedPackage {
  const name = findText(entry, 'name', { place })?.toLowerCase() ?? ''
  if (packageNameProblem(name) !== null) {
    throw invalidInput(`${place}.name`, 'this is no name of a package')
  }
  const version = findText(entry, 'version', { place, longest: MAX_VERSION_LENGTH })
  if (version === null) {
    throw invalidInput(`${place}.version`, 'a locked package has a version')
  }
  return {
    name,
    version,
    normalized: tryNormalizeVersion(version),
    isForDevelopment,
    type: findText(entry, 'type', { place }) ?? 'library',
    dist: readDist(entry['dist'], `${place}.dist`),
    source: readSource(entry['source'], `${place}.source`),
  }
}

function readDist(value: unknown, place: string): LockedDist | null {
  if (value === undefined || value === null) {
    return null
  }
  const dist = requireObject(value, place)
  const url = findText(dist, 'url', { place })
  if (url === null) {
    return null
  }
  const shasum = findText(dist, 'shasum', { place })?.toLowerCase() ?? null
  return { url, reference: readReference(dist, place), shasum, preferred: readPreferred(dist['mirrors'], `${place}.mirrors`) }
}

function readPreferred(value: unknown, place: string): string[] {
  const mirrors = requireList(value ?? [], place).map((mirror, index) => requireObject(mirror, `${place}[${index}]`))
  return mirrors.flatMap((mirror, index) => {
    const url = mirror['preferred'] === true ? findText(mirror, 'url', { place: `${place}[${index}]` }) : null
    return url === null ? [] : [url]
  })
}

function readSource(value: unknown, place: string): LockedPackage['source'] {
  if (value === undefined || value === null) {
    return null
  }
  const source = requireObject(value, place)
  const url = findText(source, 'url', { place })
  return url === null ? null : { url, reference: readReference(source, place) }
}

function readReference(object: Json, place: string): string | null {
  return findText(object, 'reference', { place, longest: LONGEST_REFERENCE })
}
