import { listJsonMembers, plainVersion, spliceJsonMembers, type VersionManifest } from '../../composer/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { VersionRow } from '../packages/index.ts'
import { selectRawManifests } from '../sources/index.ts'
import type { FamilyPackage } from './family.ts'
import { loadPackageFacts } from './package-document.ts'
import { selectShownVersions } from './shown-versions.ts'
import { hasArchive, toVersionSource } from './version-origin.ts'

/** One package of a family as a document. */
export interface FamilyDocumentRequest {
  /** The name that the document gives it. */
  name: string
  /** The packages that it consists of. */
  packages: readonly FamilyPackage[]
  /** Which versions; both kinds together, or those of development alone. */
  kind: 'all' | 'dev'
  /** Where archives are, with places for `%source%` (its id), `%name%`, `%reference%` and `%format%`. */
  archives: string
}

interface Entry {
  id: number
  version: string
  text: string
}

/**
 * The versions of a package by their names as JSON text (contract gitlab.md §2.5), or null when there is none. A version is its composer.json as it was
 * read, without loss, with `dist`, `source`, `uid` and `version` forced upon it. Versions come in the order of the bytes of their
 * names; of two with the same name the older one is shown.
 */
export async function renderFamilyPackage(db: Db, request: FamilyDocumentRequest): Promise<string | null> {
  const entries = new Map<string, Entry>()
  for (const one of request.packages) {
    for (const entry of await loadEntries(db, one, request)) {
      const known = entries.get(entry.version)
      if (known === undefined || entry.id < known.id) {
        entries.set(entry.version, entry)
      }
    }
  }
  if (entries.size === 0) {
    return null
  }
  const sorted = [...entries.values()].toSorted((left, right) =>
    Buffer.compare(Buffer.from(left.version), Buffer.from(right.version)),
  )
  const versions = sorted.map(({ version, text }) => `${JSON.stringify(version)}:${text}`).join(',')
  return `{"packages":{${JSON.stringify(request.name)}:{${versions}}}}`
}

async function loadEntries(db: Db, one: FamilyPackage, request: FamilyDocumentRequest): Promise<Entry[]> {
  const { package: target } = one
  const { origin, entries } = await loadPackageFacts(db, one)
  const rows = [
    ...(request.kind === 'all' ? await selectShownVersions(db, target, { kind: 'stable', entries }) : []),
    ...(await selectShownVersions(db, target, { kind: 'dev', entries })),
  ]
  const raw = await selectRawManifests(db, target)
  const members = new Map<string, ReadonlyMap<string, string>>()
  return rows.map((row) => {
    const version = versionOf(row)
    const published = JSON.parse(row.manifest) as VersionManifest
    const source = toVersionSource({ ...origin, isTold: one.repository !== null }, row, published)
    const isCloned = source !== null && origin.source?.kind === 'vcs'
    const forced = {
      dist: hasArchive(origin, row.type, published) ? toDist(one, row, request) : null,
      source: isCloned ? { ...source, url: one.repository } : source,
      uid: row.id,
      version,
    }
    const text = raw.get(`${row.ref} ${row.reference}`) ?? row.manifest
    return { id: row.id, version, text: spliceJsonMembers(readMembers(members, { text, row, name: target.name }), forced) }
  })
}

/** Manifests that several versions share are read once. What was stripped for publication is named again. */
function readMembers(
  known: Map<string, ReadonlyMap<string, string>>,
  { text, row, name }: { text: string; row: VersionRow; name: string },
): ReadonlyMap<string, string> {
  let members = known.get(text)
  if (members === undefined) {
    members = listJsonMembers(text) ?? listJsonMembers(row.manifest) ?? new Map()
    if (!members.has('name')) {
      members = new Map([['name', JSON.stringify(name)], ...members])
    }
    known.set(text, members)
  }
  return members
}

function versionOf({ ref, version }: VersionRow): string {
  if (ref.startsWith('refs/tags/')) {
    return plainVersion({ kind: 'tag', name: ref.slice(10) })
  }
  return ref.startsWith('refs/heads/') ? plainVersion({ kind: 'branch', name: ref.slice(11) }) : version.replace(/^v/, '')
}

function toDist({ package: target }: FamilyPackage, row: VersionRow, { archives }: FamilyDocumentRequest) {
  const places: Record<string, string> = {
    source: String(target.source),
    name: target.name,
    reference: row.reference,
    format: row.format,
  }
  const url = archives.replaceAll(/%(source|name|reference|format)%/g, (_, place: string) => places[place] ?? '')
  return { type: row.format === 'zip' ? 'zip' : 'tar', url, reference: row.reference, shasum: '' }
}

/** The list of the names of a family with the checksums of their documents as JSON text (contract gitlab.md §2.6). */
export function renderProviders(hashes: ReadonlyMap<string, string>): string {
  return JSON.stringify({ providers: Object.fromEntries([...hashes].map(([name, sha256]) => [name, { sha256 }])) })
}
