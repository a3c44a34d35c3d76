import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { DEFINITION_SIZE_LIMIT } from '../../composer/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import {
  acceptRepository,
  addCustomSource,
  getCustomDefinition,
  setManifests,
  updateCustomSource,
  type DefinedSource,
} from '../../core/sources/index.ts'
import { usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { noWaitOption } from '../options.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { showSync, toFollowed } from '../show-sync.ts'
import { addCredentialOptions, readCredential, type CredentialOptions } from '../source-credential.ts'
import { getSourceByKey } from '../source-outcome.ts'
import { countOf } from '../texts.ts'

const CUSTOM_HELP = `
The definition is JSON: a package as composer.json has it, with name, version, and dist or source; or a list of such.
The archives are fetched once, checked, and served by the registry. A credential is for the one host that they are on.

Examples:
  $ repertoire source add-custom acme plugins.json
  $ generate-definition | repertoire source add-custom acme -`

/** `repertoire source add-custom`, `set-custom`, `show-custom`, `set-manifests` and `accept`. */
export function addSourceContentCommands(commands: Command, run: Run): void {
  const adding = commands
    .command('add-custom')
    .description('publish packages that are defined by hand')
    .argument('<org>', 'slug of the organization')
    .argument('<file>', 'the definition, or - for standard input')
  addCredentialOptions(adding).addOption(noWaitOption()).addHelpText('after', CUSTOM_HELP).action(run(addCustom))
  commands
    .command('set-custom')
    .description('replace what a custom source defines; versions that it no longer has are hidden')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL (custom://…) or uid of the source')
    .argument('<file>', 'the definition, or - for standard input')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire source set-custom acme custom://acme/plugin plugins.json')
    .action(run(setCustom))
  commands
    .command('show-custom')
    .description('print what a custom source defines')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL (custom://…) or uid of the source')
    .addHelpText('after', '\nExample:\n  $ repertoire source show-custom acme custom://acme/plugin > plugins.json')
    .action(run(showCustom))
  commands
    .command('set-manifests')
    .description('say where the packages of a repository are; without patterns at its top only')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .argument('[patterns...]', "such as 'packages/*/composer.json'")
    .addOption(noWaitOption())
    .addHelpText(
      'after',
      "\nExample:\n  $ repertoire source set-manifests acme https://github.com/acme/all.git 'packages/*/composer.json'",
    )
    .action(run(changeManifests))
  commands
    .command('accept')
    .description('read a repository that was refused because it has no commit of the former one')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .addOption(noWaitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire source accept acme https://github.com/acme/rewritten.git')
    .action(run(accept))
}

async function addCustom(
  session: Session,
  slug: string,
  file: string,
  options: CredentialOptions & { wait: boolean },
): Promise<void> {
  const { id } = await getOrganizationByPath(await session.ctx(), slug)
  if (file === '-' && options.credentialStdin === true) {
    throw usageFailure('Standard input cannot be both the definition and the credential.')
  }
  const definition = await readDefinitionFile(session, file)
  const credential = await readCredential(session, 'https://', options)
  const ctx = await session.ctx()
  const defined = await addCustomSource(ctx, { organization: id, definition, credential })
  session.note(`Added ${defined.source.url} to ${slug} (${defined.source.uid}).`)
  await showDefined(session, ctx, { slug, wait: options.wait, defined })
}

async function setCustom(session: Session, slug: string, ...line: [key: string, file: string, { wait: boolean }]): Promise<void> {
  const [key, file, options] = line
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const defined = await updateCustomSource(ctx, source, await readDefinitionFile(session, file))
  await showDefined(session, ctx, { slug, wait: options.wait, defined })
}

async function showDefined(
  session: Session,
  ctx: Ctx,
  { slug, wait, defined }: { slug: string; wait: boolean; defined: DefinedSource },
): Promise<void> {
  for (const note of defined.notes) {
    session.note(toInert(note))
  }
  const { published, updated, removed } = defined.publication
  session.note(`${countOf(published, 'version')} published, ${updated} updated, ${removed} removed.`)
  await showSync(session, { slug, source: defined.source, wait, followed: await toFollowed(ctx, defined.job) })
}

async function showCustom(session: Session, slug: string, key: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const text = await getCustomDefinition(ctx, await getSourceByKey(ctx, id, key))
  session.show(JSON.parse(text), () => text.trimEnd())
}

async function changeManifests(
  session: Session,
  slug: string,
  ...line: [key: string, patterns: string[], { wait: boolean }]
): Promise<void> {
  const [key, patterns, options] = line
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const job = await setManifests(ctx, source, patterns.length === 0 ? null : patterns)
  await showSync(session, { slug, source, wait: options.wait, followed: await toFollowed(ctx, job) })
}

async function accept(session: Session, slug: string, key: string, options: { wait: boolean }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const job = await acceptRepository(ctx, source)
  await showSync(session, { slug, source, wait: options.wait, followed: await toFollowed(ctx, job) })
}

async function readDefinitionFile(session: Session, file: string): Promise<string> {
  const bytes = file === '-' ? await readInput(session) : await readWhole(file)
  if (bytes.length > DEFINITION_SIZE_LIMIT) {
    throw usageFailure(`A definition has at most ${DEFINITION_SIZE_LIMIT} bytes; this has more.`)
  }
  return bytes.toString('utf8')
}

async function readWhole(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw usageFailure(`The file ${toInert(file)} cannot be read (${code}).`)
  }
}

async function readInput(session: Session): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of session.io.stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    chunks.push(bytes)
    if (size > DEFINITION_SIZE_LIMIT) {
      break
    }
  }
  return Buffer.concat(chunks)
}
