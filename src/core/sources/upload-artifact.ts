/**
 * An upload runs through the publish pipeline in one call: read, identify, authorize, police, store, record. Until the last step nothing
 * is visible; that step is one transaction under the row lock of the package's source, so of two uploads of one version with different
 * content exactly one wins. Bytes are stored before the row that names them; a crash between the two leaves a blob that nothing
 * refers to, which is collected later.
 */
import {
  identifyUpload,
  type ArchiveFormat,
  type ExpectedUpload,
  type IdentifiedUpload,
  type UploadProblem,
} from '../../composer/index.ts'
import { authorizeForPackage, giveSourceToOwnTeams } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { StoredBlob } from '../kernel/ports.ts'
import type { OrganizationId, SourceId } from '../kernel/values.ts'
import {
  findDist,
  findPackage,
  findSameVersion,
  hashManifest,
  publishVersion,
  recordBuilt,
  selectPublished,
  setDistFormat,
  storeManifests,
  type ChangePolicy,
  type Package,
  type VersionPublication,
} from '../packages/index.ts'
import {
  artifactUrl,
  findArtifact,
  insertArtifact,
  insertArtifactSource,
  lockArtifactSource,
  type Artifact,
} from './artifacts.sql.ts'
import { authorizeUpload } from './authorize-source.ts'
import { receiveUpload } from './receive-upload.ts'
import { findSource } from './sources.sql.ts'
import { givePath } from './source-path.sql.ts'

/** An archive to be published as one version. */
export interface UploadArtifact {
  organization: OrganizationId
  content: AsyncIterable<Uint8Array>
  /** As the uploader calls it; shown in lists, never used as a path. */
  fileName: string
  /** What the uploader says that it is. The version is needed when composer.json has none. */
  expected: ExpectedUpload
  /** What happens to a version that is published with other content; its old archive can be downloaded in both cases. */
  onExisting: 'refuse' | 'replace'
  /** The SHA-256 that the bytes must have, in hexadecimal, or null. */
  sha256: string | null
}

/** What became of an upload. `unchanged`: the version had this content already. */
export interface UploadedArtifact {
  artifact: Artifact
  outcome: 'published' | 'replaced' | 'restored' | 'unchanged'
  /** Faults of composer.json that did not prevent the version. */
  problems: readonly string[]
}

const LONGEST_FILE_NAME = 255

/**
 * Publishes an uploaded zip, tar, tar.gz or tar.bz2 as a version of the package that its composer.json names (CO-087, CO-126); it is served
 * byte for byte. The same bytes again change nothing, and mend a stored archive that got lost. Throws `forbidden`,
 * `archive_too_large`, `archive_refused`, `checksum_mismatch`, `manifest_refused`, `upload_mismatch`, `package_taken`,
 * `version_exists`, `invalid_input`, `storage_unavailable`, and whatever `content` throws; then nothing has changed.
 */
export async function uploadArtifact(ctx: Ctx, input: UploadArtifact): Promise<UploadedArtifact> {
  const { organization, expected } = input
  await authorizeUpload(ctx, { organization, name: expected.name?.toLowerCase() ?? null })
  requireFileName(input.fileName)
  const { staged, format, manifest } = await receiveUpload(ctx, input)
  try {
    const identified = identifyUpload(manifest, expected)
    if (!identified.ok) {
      throw toError(identified.problem)
    }
    const { upload } = identified
    const { isNew } = await authorizeUpload(ctx, { organization, name: upload.name })
    const offered: Offer = {
      ...input,
      isNew,
      policy: input.onExisting === 'replace' ? 'follow' : 'refuse',
      upload,
      blob: staged,
      format,
      manifest,
    }
    await requireAcceptable(ctx, offered)
    await staged.keep()
    const recorded = await ctx.transaction((tx) => record(tx, offered))
    return { ...recorded, problems: upload.problems }
  } finally {
    await staged.discard()
  }
}

function requireFileName(name: string): void {
  if (name === '' || name.length > LONGEST_FILE_NAME || /[\p{Cc}/\\]/u.test(name)) {
    throw invalidInput('fileName', `give 1 to ${LONGEST_FILE_NAME} characters without slashes and control characters`)
  }
}

function toError(problem: UploadProblem): DomainError {
  if (problem.kind === 'unusable') {
    return new DomainError('manifest_refused', { problem: problem.problem })
  }
  const { field, found, expected } = problem
  return new DomainError('upload_mismatch', { field, found, expected })
}

interface Offer {
  organization: OrganizationId
  /** It was let through as a new package. */
  isNew: boolean
  fileName: string
  policy: ChangePolicy
  upload: IdentifiedUpload
  blob: StoredBlob
  format: ArchiveFormat
  manifest: Uint8Array
}

/** Refuses what cannot be recorded before its bytes are stored. The transaction decides again, with its locks. */
async function requireAcceptable(ctx: Ctx, { organization, policy, upload, blob }: Offer): Promise<void> {
  const existing = await findPackage(ctx.db, organization, upload.name)
  if (existing === null) {
    return
  }
  const source = await findSource(ctx.db, existing.source)
  if (source?.kind === 'mirror') {
    // A private package takes the place of a mirrored one with all of its versions.
    return
  }
  // Null when the source is removed just now, and its packages with it.
  if (source !== null && source.kind !== 'artifact') {
    throw new DomainError('package_taken', { name: upload.name })
  }
  const published = findSameVersion(upload.name, await selectPublished(ctx.db, existing.id), upload)
  if (published !== undefined && published.reference !== blob.sha1 && policy === 'refuse') {
    throw new DomainError('version_exists', { name: upload.name, version: published.version })
  }
}

async function record(tx: Tx, offer: Offer): Promise<Pick<UploadedArtifact, 'artifact' | 'outcome'>> {
  const { upload, blob } = offer
  const source = await holdSource(tx, offer)
  if (offer.isNew && (await findPackage(tx.db, offer.organization, upload.name)) !== null) {
    await authorizeForPackage(tx, 'artifact.upload', { organization: offer.organization, name: upload.name })
  }
  const publication = await publishVersion(tx, {
    organization: offer.organization,
    source,
    package: {
      name: upload.name,
      type: upload.type,
      description: upload.manifest.description ?? '',
      abandoned: upload.abandoned,
    },
    version: {
      version: upload.version,
      normalized: upload.normalized,
      type: upload.type,
      stability: upload.stability,
      ref: 'artifact',
      reference: blob.sha1,
      defaultBranch: false,
      manifest: JSON.stringify(upload.manifest),
      time: null,
    },
    policy: offer.policy,
  })
  const target = requirePublished(publication, upload)
  await recordBytes(tx, target, offer)
  const artifact = await rememberUpload(tx, target, offer)
  return { artifact, outcome: publication.kind as UploadedArtifact['outcome'] }
}

/** The locked source of the package's uploads. A second try is needed when the source is removed at the same moment. */
async function holdSource(tx: Tx, { organization, upload: { name } }: Offer): Promise<SourceId> {
  for (let tries = 0; tries < 2; tries++) {
    const inserted = await insertArtifactSource(tx.db, { uid: tx.newId(), organization, name, createdAt: tx.now })
    if (inserted !== null) {
      await givePath(tx.db, { id: inserted, organization, url: artifactUrl(name) })
      await giveSourceToOwnTeams(tx, { organization, source: inserted })
      await tx.record({ type: 'source.added', organization, source: inserted, url: artifactUrl(name) })
    }
    const source = inserted ?? (await lockArtifactSource(tx.db, organization, name))
    if (source !== null) {
      return source
    }
  }
  throw new DomainError('source_not_found')
}

function requirePublished(publication: VersionPublication, { name }: IdentifiedUpload): Package {
  switch (publication.kind) {
    case 'taken':
      throw new DomainError('package_taken', { name })
    case 'refused':
      throw new DomainError('version_exists', { name, version: publication.version })
    default:
      return publication.package
  }
}

async function recordBytes(tx: Tx, target: Package, { upload, blob, format }: Offer): Promise<void> {
  const dist = await findDist(tx.db, target.id, blob.sha1)
  if (dist === null) {
    throw new Error('The reference of an upload was not remembered.')
  }
  if (dist.sha256 === null) {
    await setDistFormat(tx.db, dist.id, format)
  }
  // False only for another file with the same SHA-1, which somebody made on purpose.
  if (!(await recordBuilt(tx.db, dist.id, blob, tx.now))) {
    throw new DomainError('version_exists', { name: upload.name, version: upload.version })
  }
}

async function rememberUpload(tx: Tx, target: Package, { upload, blob, fileName, manifest }: Offer): Promise<Artifact> {
  const text = new TextDecoder().decode(manifest)
  const sha256 = hashManifest(text)
  const stored = (await storeManifests(tx.db, new Map([[sha256, text]]))).get(sha256)
  if (stored === undefined) {
    throw new Error('The manifest of an upload was not stored.')
  }
  const { version, normalized } = upload
  const key = { package: target.id, normalized, reference: blob.sha1 }
  await insertArtifact(tx.db, { uid: tx.newId(), ...key, version, fileName, manifest: stored, createdAt: tx.now })
  await tx.record({
    type: 'artifact.uploaded',
    organization: target.organization,
    package: target.id,
    name: target.name,
    version,
    reference: blob.sha1,
    file: fileName,
    size: blob.size,
  })
  const artifact = await findArtifact(tx.db, key)
  if (artifact === null) {
    throw new Error('An upload was not remembered.')
  }
  return artifact
}
