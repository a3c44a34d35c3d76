import type { Db } from '../kernel/schema.ts'
import { sees, type Audience } from './audience.ts'
import { listDistMirrors } from './dist-mirrors.ts'
import { selectPackageNames } from './listing.sql.ts'
import { findAskedPatterns } from './obtain-package.ts'
import type { RepositoryNotice } from './repository-health.ts'
import { loadLegacyMessageKeys, loadMessageKeys, loadSafetyKeys } from './root-safety.ts'

/** Longer lists of names cost every client more than a few requests for names that do not exist. */
const MAX_AVAILABLE = 10_000

/** No package can have this name, so it tells a client that there is nothing for it here (CO-008). */
const NOTHING = 'repertoire-shows-nothing/*'

/** A root file to be rendered. */
export interface RootRequest {
  audience: Audience
  /** Public URL of the organization's repository, without a slash at the end. */
  repositoryUrl: string
  /** What the registry itself tells clients at this time. */
  notices?: readonly RepositoryNotice[]
}

/**
 * The root file of a repository as JSON text (contract composer.md §1.3). All URLs are absolute (CO-002). It names exactly the
 * packages that the audience sees (CO-006); when these are very many it gives patterns by vendor instead (CO-007).
 *
 * Composer 1 gets the checksums of its lists in `legacyLists` (contract composer.md §4.1). Whoever is not known to be Composer 1 is told where
 * a file without a checksum is (CO-096): that costs nothing, and Composer 2 does not look at it.
 */
export async function renderRootDocument(
  db: Db,
  { audience, repositoryUrl, notices = [] }: RootRequest,
  legacyLists: ReadonlyMap<string, string> | null = null,
): Promise<string> {
  const names = (await selectPackageNames(db, audience.organization.id)).filter((name) => sees(audience, name))
  return JSON.stringify({
    packages: [],
    'metadata-url': `${repositoryUrl}/p2/%package%.json`,
    ...toAvailable(names, await findAskedPatterns(db, audience)),
    ...(legacyLists === null ? toLazy(repositoryUrl) : toHashed(repositoryUrl, legacyLists)),
    'notify-batch': `${repositoryUrl}/notify-batch`,
    search: `${repositoryUrl}/search.json?q=%query%&type=%type%`,
    list: `${repositoryUrl}/list.json`,
    'providers-api': `${repositoryUrl}/providers/%package%.json`,
    'metadata-changes-url': `${repositoryUrl}/metadata/changes.json`,
    ...(await listDistMirrors(db, audience.organization, repositoryUrl)),
    ...(await loadSafetyKeys(db, audience.organization.id, repositoryUrl)),
    ...(legacyLists === null
      ? await loadMessageKeys(db, audience.organization.id, notices)
      : await loadLegacyMessageKeys(db, audience.organization.id)),
  })
}

/** `asked` are patterns of what may be asked for besides; null when there is no bound, and then nothing may keep a client from asking. */
function toAvailable(names: readonly string[], asked: readonly string[] | null): Record<string, string[]> {
  if (asked === null) {
    return {}
  }
  if (names.length === 0 && asked.length === 0) {
    return { 'available-package-patterns': [NOTHING] }
  }
  if (names.length <= MAX_AVAILABLE) {
    const patterns = asked.length === 0 ? {} : { 'available-package-patterns': [...asked] }
    return names.length === 0 ? patterns : { 'available-packages': [...names], ...patterns }
  }
  const vendors = names.map((name) => `${name.slice(0, name.indexOf('/'))}/*`)
  return { 'available-package-patterns': [...new Set([...vendors, ...asked])] }
}

function toLazy(repositoryUrl: string): Record<string, unknown> {
  return { 'providers-lazy-url': `${repositoryUrl}/p/%package%.json` }
}

/** The addresses of lists are the exception among URLs: clients append them to the address of the repository. */
function toHashed(repositoryUrl: string, lists: ReadonlyMap<string, string>): Record<string, unknown> {
  return {
    'providers-url': `${repositoryUrl}/p/%package%$%hash%.json`,
    'provider-includes': Object.fromEntries([...lists].map(([list, sha256]) => [`p/provider-${list}$%hash%.json`, { sha256 }])),
  }
}
