import type { Db } from '../kernel/schema.ts'
import { findRepositoryOptions, type Organization } from '../organizations/index.ts'

/** A mirror of archives as root files announce it (contract composer.md §3.4). */
interface DistMirror {
  'dist-url': string
  preferred: boolean
}

/**
 * What the root file says of mirrors (CO-017): nothing where metadata addresses archives here anyway. Where it keeps the addresses of
 * upstreams, this registry is the mirror that clients try first, and the upstream what they fall back to.
 */
export async function listDistMirrors(
  db: Db,
  organization: Organization,
  repositoryUrl: string,
): Promise<{ mirrors?: DistMirror[] }> {
  const { archiveUrls } = await findRepositoryOptions(db, organization.id)
  if (archiveUrls === 'registry') {
    return {}
  }
  return { mirrors: [{ 'dist-url': `${repositoryUrl}/dists/%package%/%version%/r%reference%.%type%`, preferred: true }] }
}
