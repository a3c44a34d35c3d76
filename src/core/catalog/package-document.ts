import {
  branchAlias,
  metadataVersion,
  MINIFIED_MARKER,
  minifyVersions,
  sortForMetadata,
  type MetadataOrigin,
  type PackageName,
  type VersionManifest,
} from '../../composer/index.ts'
import { findEntriesOfPackage, type ToldEntry } from '../advisories/index.ts'
import type { Db } from '../kernel/schema.ts'
import type { Package, VersionRow } from '../packages/index.ts'
import type { Origins } from './audience.ts'
import { loadPackageSafety } from './package-safety.ts'
import type { Vouched } from './repository-health.ts'
import { selectShownVersions } from './shown-versions.ts'
import {
  findPublishedTime,
  findUpstreamDist,
  hasArchive,
  loadVersionOrigin,
  toVersionSource,
  type VersionOrigin,
} from './version-origin.ts'

/** Which of the two metadata files of a package. */
export type DocumentKind = 'stable' | 'dev'

/**
 * How version objects address archives. `current`: by reference, with a place for it in development versions, which Composer from 2.1 fills.
 * `documented`: by version, as Pricore documents it (contract pricore.md §5.3). `legacy`: for Composer 1, which fills in nothing and wants a
 * `uid` in every version (CO-093).
 */
export type DocumentForm = 'current' | 'documented' | 'legacy'

/** What a metadata document is rendered of, besides the versions. */
export interface DocumentRequest {
  package: Package
  kind: DocumentKind
  /** Public URL of the organization's repository, without a slash at the end. */
  repositoryUrl: string
  /** Which repositories are told; all if left out. */
  origins?: Origins
  /** Of which packages it may be said that there are no advisories; of none if left out. */
  vouched?: Vouched
}

interface VersionsRequest extends DocumentRequest {
  form: DocumentForm
}

/** A version as it is rendered, with its parsed manifest. */
interface RenderedVersion {
  row: VersionRow
  name: PackageName
  version: string
  normalized: string
  type: string
  time: string | null
  isDefaultBranch: boolean
  manifest: VersionManifest
  branchAlias: ReturnType<typeof branchAlias>
}

/**
 * The metadata document of a package as JSON text: `{"minified", "packages": {name: [...]}}` with the newest version first (CO-020, CO-021,
 * CO-025, CO-027). A package without versions of that kind has an empty list (CO-023).
 */
export async function renderPackageDocument(db: Db, request: DocumentRequest): Promise<string> {
  const facts = await loadPackageFacts(db, request)
  const versions = await loadVersionObjects(db, { ...request, form: 'current' }, facts)
  // Composer reads advisories and filter lists from the file of the other versions alone.
  const safety = request.kind === 'stable' ? await loadPackageSafety(db, { vouched: 'none', ...request, ...facts }) : {}
  return JSON.stringify({
    minified: MINIFIED_MARKER,
    packages: { [request.package.name]: minifyVersions(versions) },
    ...safety,
  })
}

/** What counts for every version of a package, whichever of its documents shows them. */
export interface PackageFacts {
  origin: VersionOrigin
  entries: readonly ToldEntry[]
}

/** Reads what counts for every version of a package. */
export async function loadPackageFacts(
  db: Db,
  { package: target, origins }: Pick<DocumentRequest, 'package' | 'origins'>,
): Promise<PackageFacts> {
  return { origin: await loadVersionOrigin(db, target, origins), entries: await findEntriesOfPackage(db, target) }
}

/** The complete version objects of one kind, newest first, as metadata shows them before they are minified. */
export async function loadVersionObjects(
  db: Db,
  request: VersionsRequest,
  { origin, entries }: PackageFacts,
): Promise<Record<string, unknown>[]> {
  const { package: target, kind } = request
  const rows = await selectShownVersions(db, target, { kind, entries })
  const manifests = new Map<string, VersionManifest>()
  const rendered = rows.map((row) => toRendered(row, target.name as PackageName, manifests))
  return sortForMetadata(rendered).map((version) => {
    const object = metadataVersion(version, {
      source: toVersionSource(origin, version.row, version.manifest),
      dist: hasArchive(origin, version.type, version.manifest) ? toDist(request, origin, version.row) : null,
      abandoned: target.abandoned,
      // Composer 1 and the documented form know nothing of it.
      publishedTime: request.form === 'current' ? findPublishedTime(version.row, version.manifest) : null,
    })
    return request.form === 'legacy' ? { ...object, uid: version.row.id, ...toLegacyVersion(version) } : object
  })
}

/** Names that Composer 1 takes for the default branch, and what it makes of them (CO-095). */
const LEGACY_DEFAULT_BRANCHES = new Set(['dev-master', 'dev-trunk', 'dev-default'])

function toLegacyVersion({ normalized }: RenderedVersion): Record<string, unknown> {
  return LEGACY_DEFAULT_BRANCHES.has(normalized) ? { version_normalized: '9999999-dev' } : {}
}

/** Versions with equal manifests share one parsed object, which also makes comparing them cheap. */
function toRendered(row: VersionRow, name: PackageName, manifests: Map<string, VersionManifest>): RenderedVersion {
  const manifest = manifests.get(row.manifest) ?? (JSON.parse(row.manifest) as VersionManifest)
  manifests.set(row.manifest, manifest)
  const { version, normalized, type, time, defaultBranch } = row
  const declared = manifest.extra?.['branch-alias']
  return {
    row,
    name,
    version,
    normalized,
    type,
    time,
    isDefaultBranch: defaultBranch,
    manifest,
    branchAlias: branchAlias({ version, defaultBranch, branchAlias: declared }),
  }
}

/**
 * Stable versions carry the checksum once their archive was built (CO-072), mirrored ones also that of their upstream. Development versions carry
 * none, and their URL has a place for the reference, so that `dev-main#<commit>` fetches that commit (CO-073, CO-074); an upstream has no
 * archives but those that it names.
 */
function toDist(request: VersionsRequest, origin: VersionOrigin, row: VersionRow): MetadataOrigin {
  const upstream = findUpstreamDist(origin, row)
  if (upstream !== null && origin.addresses === 'untouched' && upstream.elsewhere !== null) {
    return upstream.elsewhere
  }
  const shasum = upstream === null ? row.sha1 : upstream.shasum
  // Clients choose the unpacker by the type, and what it does by the end of the URL (contract composer.md §3.2).
  return {
    type: row.format === 'zip' ? 'zip' : 'tar',
    url: upstream?.elsewhere?.url ?? toDistUrl(request, { row, isOpenEnded: upstream === null }),
    reference: row.reference,
    ...(request.kind === 'stable' && shasum !== null ? { shasum } : {}),
  }
}

function toDistUrl(
  { repositoryUrl, package: target, kind, form }: VersionsRequest,
  { row, isOpenEnded }: { row: VersionRow; isOpenEnded: boolean },
): string {
  const version = row.version.split('/').map(encodeURIComponent).join('/')
  if (form === 'documented') {
    const reference = kind === 'dev' ? `?reference=${row.reference}` : ''
    return `${repositoryUrl}/packages/${target.name}/${version}.${row.format}${reference}`
  }
  const reference = kind === 'dev' && form === 'current' && isOpenEnded ? '%reference%' : row.reference
  return `${repositoryUrl}/dists/${target.name}/${version}/${reference}.${row.format}`
}
