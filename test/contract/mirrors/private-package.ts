import { uploadArtifact } from '../../../src/core/sources/index.ts'
import { packageArchive } from '../../kit/archives.ts'
import type { MirrorKit } from '../../kit/mirror-kit.ts'

/** Publishes version 0.1.0 of a package of the organization's own. */
export async function addTestPackage({ app, organization }: MirrorKit, name: string): Promise<void> {
  const bytes = packageArchive({ name, version: '0.1.0' })
  await uploadArtifact(app.ctx(), {
    organization,
    content: (async function* () {
      yield bytes
    })(),
    fileName: 'package.zip',
    expected: { name: null, version: null },
    onExisting: 'refuse',
    sha256: null,
  })
}
