import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { selectPackagesOfSource } from '../packages/index.ts'
import { publishDefinition, type DefinedSource } from './add-custom-source.ts'
import { enqueueSync } from './add-source.ts'
import { authorizeSource } from './authorize-source.ts'
import { findDefinition } from './custom-sources.sql.ts'
import { readDefinition, type Definition } from './read-definition.ts'
import { lockSource, type Source } from './sources.sql.ts'

/**
 * Replaces what a custom source defines as a whole. Versions that are no longer defined are hidden, and their archives stay for lock files.
 * Archives that were fetched stay what they are; give changed content another reference or checksum. A credential goes to the
 * host that it was given for and to no other. Throws `definition_refused`, `package_taken`, `source_not_found`, `invalid_input`.
 */
export async function updateCustomSource(ctx: Ctx, source: Source, text: string): Promise<DefinedSource> {
  const { id, organization } = source
  await authorizeSource(ctx, 'source.configure', source)
  requireCustom(source)
  const definition = readDefinition(ctx, text)
  await authorizeNewNames(ctx, source, definition)
  return ctx.transaction(async (tx) => {
    if (!(await lockSource(tx.db, id))) {
      throw new DomainError('source_not_found')
    }
    const publication = await publishDefinition(tx, { organization, source: id }, { ...definition, text })
    await tx.record({ type: 'source.redefined', organization, source: id, versions: definition.versions })
    return { source, job: await enqueueSync(tx, source, 'interactive'), publication, notes: definition.notes }
  })
}

/** Whoever may only change packages of their teams cannot define others. */
async function authorizeNewNames(ctx: Ctx, { id, organization }: Source, { packages }: Definition): Promise<void> {
  const known = new Set((await selectPackagesOfSource(ctx.db, id)).map(({ name }) => name))
  if (packages.some(({ name }) => !known.has(name))) {
    await authorize(ctx, 'source.add', organization)
  }
}

/** What a custom source defines, as it was given; its URLs are for those who may change them. Throws `invalid_input` for other sources. */
export async function getCustomDefinition(ctx: Ctx, source: Source): Promise<string> {
  await authorizeSource(ctx, 'source.configure', source)
  requireCustom(source)
  const text = await findDefinition(ctx.db, source.id)
  if (text === null) {
    throw new DomainError('source_not_found')
  }
  return text
}

function requireCustom({ kind }: Source): void {
  if (kind !== 'custom') {
    throw invalidInput('source', 'only a custom source has a definition')
  }
}
