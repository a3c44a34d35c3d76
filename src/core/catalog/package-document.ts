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
import { findSource } from '../sources/index.ts'

/** Which of the two metadata files of a package. */
export type DocumentKind = 'stable' | 'dev'

/** What a metadata document is rendered of, besides the versions. */
export interface DocumentRequest {
  package: Package
  kind: DocumentKind
  /** Public URL of the organization's repository, without a slash at the end. */
  repositoryUrl: string
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
  const versions = await loadVersionObjects(db, request)
  return JSON.stringify({ minified: MINIFIED_MARKER, packages: { [request.package.name]: minifyVersions(versions) } })
}

/** The complete version objects of one kind, newest first, as metadata shows them before they are minified. */
export async function loadVersionObjects(db: Db, request: DocumentRequest): Promise<Record<string, unknown>[]> {
  const { package: target, kind } = request
  const rows = await selectVersions(db, target.id, kind)
  const source = rows.length === 0 ? null : await findSource(db, target.source)
  const manifests = new Map<string, VersionManifest>()
  const rendered = rows.map((row) => toRendered(row, target.name as PackageName, manifests))
  return sortForMetadata(rendered).map((version) =>
    metadataVersion(version, {
      source: source?.kind === 'vcs' ? { type: 'git', url: source.url, reference: version.row.reference } : null,
      dist: version.type === 'metapackage' ? null : toDist(request, version.row),
      abandoned: target.abandoned,
    }),
  )
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
function toDist({ repositoryUrl, package: target, kind }: DocumentRequest, row: VersionRow): MetadataOrigin {
  const reference = kind === 'dev' ? '%reference%' : row.reference
  const version = row.version.split('/').map(encodeURIComponent).join('/')
  // Clients choose the unpacker by the type, and what it does by the end of the URL (contract composer.md §3.2).
  return {
    type: row.format === 'zip' ? 'zip' : 'tar',
    url: `${repositoryUrl}/dists/${target.name}/${version}/${reference}.${row.format}`,
    reference: row.reference,
    ...(kind === 'stable' && row.sha1 !== null ? { shasum: row.sha1 } : {}),
  }
}
