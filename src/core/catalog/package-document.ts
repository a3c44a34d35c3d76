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
import type { Db } from '../kernel/schema.ts'
import { selectVersions, type Package, type VersionRow } from '../packages/index.ts'
import type { Origins } from './audience.ts'
import { hasArchive, loadVersionOrigin, toVersionSource } from './version-origin.ts'

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
  const versions = await loadVersionObjects(db, { ...request, form: 'current' })
  return JSON.stringify({ minified: MINIFIED_MARKER, packages: { [request.package.name]: minifyVersions(versions) } })
}

/** The complete version objects of one kind, newest first, as metadata shows them before they are minified. */
export async function loadVersionObjects(db: Db, request: VersionsRequest): Promise<Record<string, unknown>[]> {
  const { package: target, kind } = request
  const rows = await selectVersions(db, target.id, kind)
  const origin = await loadVersionOrigin(db, target, request.origins)
  const manifests = new Map<string, VersionManifest>()
  const rendered = rows.map((row) => toRendered(row, target.name as PackageName, manifests))
  return sortForMetadata(rendered).map((version) => {
    const object = metadataVersion(version, {
      source: toVersionSource(origin, version.row, version.manifest),
      dist: hasArchive(origin, version.type, version.manifest) ? toDist(request, version.row) : null,
      abandoned: target.abandoned,
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
 * Stable versions carry the checksum once their archive was built (CO-072). Development versions carry none, and their URL has a
 * place for the reference, so that `dev-main#<commit>` fetches that commit (CO-073, CO-074).
 */
function toDist(request: VersionsRequest, row: VersionRow): MetadataOrigin {
  // Clients choose the unpacker by the type, and what it does by the end of the URL (contract composer.md §3.2).
  return {
    type: row.format === 'zip' ? 'zip' : 'tar',
    url: toDistUrl(request, row),
    reference: row.reference,
    ...(request.kind === 'stable' && row.sha1 !== null ? { shasum: row.sha1 } : {}),
  }
}

function toDistUrl({ repositoryUrl, package: target, kind, form }: VersionsRequest, row: VersionRow): string {
  const version = row.version.split('/').map(encodeURIComponent).join('/')
  if (form === 'documented') {
    const reference = kind === 'dev' ? `?reference=${row.reference}` : ''
    return `${repositoryUrl}/packages/${target.name}/${version}.${row.format}${reference}`
  }
  const reference = kind === 'dev' && form === 'current' ? '%reference%' : row.reference
  return `${repositoryUrl}/dists/${target.name}/${version}/${reference}.${row.format}`
}
