/** Uploads to a new organization, and what the registry then shows of them. */
import { createHash } from 'node:crypto'
import { describePackage, getAudience, obtainDist, UnknownReferences } from '../../src/core/catalog/index.ts'
import type { Actor } from '../../src/core/kernel/actor.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { uploadArtifact, type UploadArtifact, type UploadedArtifact } from '../../src/core/sources/index.ts'
import { createTestApp, SYSTEM, type TestApp } from './app.ts'
import { streamOf } from './archives.ts'

export interface Uploads {
  readonly app: TestApp
  readonly organization: OrganizationId
  /** Uploads as `http.zip`, refusing to replace anything, unless told otherwise. */
  upload(bytes: Uint8Array, rest?: Partial<UploadArtifact>, actor?: Actor): Promise<UploadedArtifact>
  /** The version objects that metadata shows of `acme/http`, newest first. */
  metadata(): Promise<Record<string, unknown>[]>
  /** The archive of `acme/http` at a reference. */
  download(reference: string): Promise<Buffer>
  countBlobs(): Promise<number>
}

export async function createUploads(): Promise<Uploads> {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  const audience = () => getAudience(app.ctx(SYSTEM), 'acme')
  return {
    app,
    organization,
    upload: (bytes, rest = {}, actor) =>
      uploadArtifact(app.ctx(actor), {
        organization,
        content: streamOf(bytes),
        fileName: 'http.zip',
        expected: { name: null, version: null },
        onExisting: 'refuse',
        sha256: null,
        ...rest,
      }),
    async metadata() {
      const wanted = { name: 'acme/http', repositoryUrl: 'https://r/acme' }
      return (await describePackage(app.ctx(), await audience(), wanted)).versions
    },
    async download(reference) {
      const wanted = { name: 'acme/http', reference, unknown: new UnknownReferences() }
      const { location } = await obtainDist(app.ctx(), await audience(), wanted)
      if (location.kind !== 'bytes') {
        throw new Error('Blobs of tests are in memory.')
      }
      return Buffer.from(location.bytes)
    },
    countBlobs: async () => (await Array.fromAsync(app.blobs.list())).length,
  }
}

/** A digest in hexadecimal. */
export function digest(algorithm: 'sha1' | 'sha256', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex')
}
