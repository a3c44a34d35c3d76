import type { Db } from '../kernel/schema.ts'
import { selectAllPackages, type Package } from '../packages/index.ts'
import { sees, type Audience, type Origins } from './audience.ts'
import { loadPackageFacts, loadVersionObjects, type DocumentForm, type DocumentKind } from './package-document.ts'

/** A package in documents that hold versions by name instead of lists of differences. */
export interface KeyedRequest {
  package: Package
  /** Which versions; both kinds together unless one is named. */
  kind: DocumentKind | 'all'
  repositoryUrl: string
  /** Which repositories are told; all if left out. */
  origins?: Origins
}

/** The versions of a package by their names, complete, newest first, releases before branches. */
export async function loadKeyedVersions(
  db: Db,
  request: KeyedRequest & { form: DocumentForm },
): Promise<Record<string, Record<string, unknown>>> {
  const kinds: DocumentKind[] = request.kind === 'all' ? ['stable', 'dev'] : [request.kind]
  const facts = await loadPackageFacts(db, request)
  const objects: Record<string, unknown>[] = []
  for (const kind of kinds) {
    objects.push(...(await loadVersionObjects(db, { ...request, kind }, facts)))
  }
  return Object.fromEntries(objects.map((object) => [String(object['version']), object]))
}

/** The documented form of a metadata document as JSON text: versions by name, development versions included (PR-202, PR-204). */
export async function renderKeyedDocument(db: Db, request: KeyedRequest): Promise<string> {
  const versions = await loadKeyedVersions(db, { ...request, form: 'documented' })
  return JSON.stringify({ packages: { [request.package.name]: versions } })
}

/**
 * The documented form of a root document as pieces of JSON text: every version of every package that the audience sees (PR-201). One package
 * is in memory at a time.
 */
export async function* renderInlineRoot(db: Db, audience: Audience, repositoryUrl: string): AsyncGenerator<string> {
  const packages = (await selectAllPackages(db, audience.organization.id)).filter(({ name }) => sees(audience, name))
  const { origins } = audience
  yield '{"packages":{'
  let separator = ''
  for (const target of packages) {
    const versions = await loadKeyedVersions(db, { package: target, kind: 'all', repositoryUrl, origins, form: 'documented' })
    yield `${separator}${JSON.stringify(target.name)}:${JSON.stringify(versions)}`
    separator = ','
  }
  yield `},"notify-batch":${JSON.stringify(`${repositoryUrl}/notify-batch`)}}`
}
