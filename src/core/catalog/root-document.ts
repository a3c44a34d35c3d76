import type { Db } from '../kernel/schema.ts'
import { sees, type Audience } from './audience.ts'
import { selectPackageNames } from './listing.sql.ts'

/** Longer lists of names cost every client more than a few requests for names that do not exist. */
const MAX_AVAILABLE = 10_000

/** No package can have this name, so it tells a client that there is nothing for it here (CO-008). */
const NOTHING = 'repertoire-shows-nothing/*'

/**
 * The root file of a repository as JSON text (contract composer.md §1.3). All URLs are absolute (CO-002). It names exactly the
 * packages that the audience sees (CO-006); when these are very many it gives patterns by vendor instead (CO-007).
 */
export async function renderRootDocument(db: Db, audience: Audience, repositoryUrl: string): Promise<string> {
  const names = (await selectPackageNames(db, audience.organization.id)).filter((name) => sees(audience, name))
  return JSON.stringify({
    packages: [],
    'metadata-url': `${repositoryUrl}/p2/%package%.json`,
    ...toAvailable(names),
    'notify-batch': `${repositoryUrl}/notify-batch`,
    search: `${repositoryUrl}/search.json?q=%query%&type=%type%`,
    list: `${repositoryUrl}/list.json`,
    'providers-api': `${repositoryUrl}/providers/%package%.json`,
  })
}

function toAvailable(names: readonly string[]): Record<string, string[]> {
  if (names.length === 0) {
    return { 'available-package-patterns': [NOTHING] }
  }
  if (names.length <= MAX_AVAILABLE) {
    return { 'available-packages': [...names] }
  }
  const vendors = new Set(names.map((name) => `${name.slice(0, name.indexOf('/'))}/*`))
  return { 'available-package-patterns': [...vendors] }
}
