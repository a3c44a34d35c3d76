import { authorize, giveSourceToOwnTeams } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { JobId, OrganizationId, SourceId } from '../kernel/values.ts'
import { publishPackages, selectPackageIds, type Publication } from '../packages/index.ts'
import { enqueueSync } from './add-source.ts'
import { requireFittingCredential, sealCredential, storeCredential, type CredentialInput } from './credentials.ts'
import { customUrl, insertCustomSource, writeDefinition, writeUpstream } from './custom-sources.sql.ts'
import { readDefinition, type Definition } from './read-definition.ts'
import type { Source } from './sources.sql.ts'
import { givePath } from './source-path.sql.ts'

/** Packages that are defined by hand. */
export interface AddCustomSource {
  organization: OrganizationId
  /** JSON; see `readCustomDefinition`. */
  definition: string
  /** Presented to the host of the archives, which then must be one. */
  credential: CredentialInput | null
}

/** What became of a definition: published at once; `job` fetches the archives. */
export interface DefinedSource {
  source: Source
  job: JobId
  publication: Publication
  /** Faults that did not prevent a version, each with its path. */
  notes: readonly string[]
}

/**
 * Adds a source of custom packages and publishes them. The archives are fetched by a job, or earlier by whoever asks for one; until one arrived
 * metadata has no checksum of it. Throws `definition_refused`, `package_taken`, `source_exists`, `invalid_input`.
 */
export async function addCustomSource(ctx: Ctx, input: AddCustomSource): Promise<DefinedSource> {
  const { organization } = input
  await authorize(ctx, 'source.add', organization)
  const definition = readDefinition(ctx, input.definition)
  const pinned = input.credential === null ? null : pinCredential(ctx, input.credential, definition)
  const url = customUrl(definition.packages[0]?.name ?? '')
  return ctx.transaction(async (tx) => {
    const credential = pinned === null ? null : await storeCredential(tx, { organization, ...pinned })
    const source = await insertCustomSource(tx.db, { uid: tx.newId(), organization, url, credential, createdAt: tx.now })
    if (source === null) {
      throw new DomainError('source_exists')
    }
    await givePath(tx.db, source)
    await giveSourceToOwnTeams(tx, { organization, source: source.id })
    await tx.record({ type: 'source.added', organization, source: source.id, url })
    const publication = await publishDefinition(
      tx,
      { organization, source: source.id },
      { ...definition, text: input.definition },
    )
    return { source, job: await enqueueSync(tx, source, 'interactive'), publication, notes: definition.notes }
  })
}

function pinCredential(ctx: Ctx, credential: CredentialInput, definition: Definition) {
  const origin = pinnedOrigin(definition)
  requireFittingCredential(credential, new URL(origin).protocol.slice(0, -1))
  return { origin, sealed: sealCredential(ctx, credential) }
}

/** The one host that all archives of a definition are on: a secret must have one place to go to, whatever a later definition says. */
export function pinnedOrigin({ archives }: Pick<Definition, 'archives'>): string {
  const [origin, ...others] = new Set(archives.map(({ url }) => new URL(url).origin))
  if (origin === undefined || others.length > 0) {
    throw invalidInput('credential', 'the archives of the definition must be on exactly one host')
  }
  return origin
}

/**
 * Makes a source publish what a definition says, and nothing else. The caller holds the source's row lock. Throws `package_taken` when another
 * source has one of the names.
 */
export async function publishDefinition(
  tx: Tx,
  target: { organization: OrganizationId; source: SourceId },
  definition: Definition & { text: string },
): Promise<Publication> {
  await writeDefinition(tx.db, target.source, definition.text, tx.now)
  const publication = await publishPackages(tx, { ...target, packages: definition.packages })
  const [taken] = publication.taken
  if (taken !== undefined) {
    throw new DomainError('package_taken', { name: taken })
  }
  const names = definition.packages.map(({ name }) => name)
  const ids = await selectPackageIds(tx.db, target.organization, names)
  for (const archive of definition.archives) {
    const id = ids.get(archive.name)
    if (id !== undefined) {
      await writeUpstream(tx.db, { package: id, reference: archive.reference }, archive)
    }
  }
  return publication
}
