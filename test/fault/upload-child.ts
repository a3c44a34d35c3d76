/**
 * The child process of `upload-crash.test.ts`: `<data> <archive> <point>`. It uploads the archive to the first organization, replacing what is
 * published, and kills itself at the point.
 */
import { writeSync } from 'node:fs'
import { createCtx, type Ports } from '../../src/app.ts'
import type { Blobs, StagedBlob } from '../../src/core/kernel/ports.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { uploadArtifact } from '../../src/core/sources/index.ts'
import { crash, trapTransactions, type CrashPoint } from './crash-point.ts'
import { configOf, openInstallation, TEST_ORIGIN } from './installation.ts'

/** A point in an upload, in their order. `received` counts bytes of the archive. */
export type UploadPoint =
  | { at: 'received'; bytes: number }
  | { at: 'staged' | 'kept' | 'discarded' | 'survived' }
  | { at: 'write'; writes: number }
  | { at: 'before-commit' | 'after-commit' }

void main()

async function main(): Promise<void> {
  const [data = '', path = '', text = '{}'] = process.argv.slice(2)
  const point = JSON.parse(text) as UploadPoint
  const app = await openInstallation(configOf(data))
  const ctx = createCtx(trapPorts(app.ports, point), { kind: 'operator' }, TEST_ORIGIN)
  const { outcome } = await uploadArtifact(ctx, {
    organization: 1 as OrganizationId,
    content: trapContent(Bun.file(path).stream(), point),
    fileName: 'upload.zip',
    expected: { name: null, version: null },
    onExisting: 'replace',
    sha256: null,
  })
  writeSync(1, `${outcome}\n`)
  await app.close()
}

function trapPorts(ports: Ports, point: UploadPoint): Ports {
  const isOfTransaction = point.at === 'write' || point.at === 'before-commit' || point.at === 'after-commit'
  return {
    ...ports,
    database: isOfTransaction
      ? {
          ...ports.database,
          write: trapTransactions(ports.database.write, { of: 'sync', ...point } as CrashPoint, { isArmed: true }),
        }
      : ports.database,
    blobs: trapBlobs(ports.blobs, point),
  }
}

async function* trapContent(content: AsyncIterable<Uint8Array>, point: UploadPoint): AsyncGenerator<Uint8Array> {
  let left = point.at === 'received' ? point.bytes : Infinity
  for await (const chunk of content) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) {
      crash('received')
    }
  }
}

function trapBlobs(blobs: Blobs, point: UploadPoint): Blobs {
  return {
    ...blobs,
    async stage(content) {
      const staged = await blobs.stage(content)
      if (point.at === 'staged') {
        crash('staged')
      }
      return trapStaged(staged, point)
    },
  }
}

function trapStaged(staged: StagedBlob, point: UploadPoint): StagedBlob {
  return {
    ...staged,
    async keep() {
      await staged.keep()
      if (point.at === 'kept') {
        crash('kept')
      }
    },
    async discard() {
      await staged.discard()
      if (point.at === 'discarded') {
        crash('discarded')
      }
    },
  }
}
