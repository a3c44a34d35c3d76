import { Option, type Command } from 'commander'
import { findHookRegistration, HOOK_HOSTS, registerHook, unregisterHook, type HookProvider } from '../../core/hooks/index.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import type { Source } from '../../core/sources/index.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { getSourceByKey } from '../source-outcome.ts'
import { toTimestamp } from '../texts.ts'

/** `repertoire hook register` and `unregister` */
export function addHookRegistrationCommands(commands: Command, run: Run): void {
  commands
    .command('register')
    .description("have the hook made at the source's host, or made anew with a new secret")
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .addOption(new Option('--provider <provider>', 'what the host is, unless it is a public one').choices([...HOOK_HOSTS]))
    .addHelpText(
      'after',
      '\nExample:\n  $ repertoire hook register acme https://git.example.com/acme/widgets.git --provider gitlab',
    )
    .action(run(register))
  commands
    .command('unregister')
    .description('have the hook that the registry made deleted at the host')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .addHelpText('after', '\nExample:\n  $ repertoire hook unregister acme https://github.com/acme/widgets.git')
    .action(run(unregister))
}

/** `--register-hook`, for adding a source. */
export function registerOption(): Option {
  return new Option(
    '--register-hook [provider]',
    'have a hook made at the host; says what the host is, unless it is a public one',
  ).choices([...HOOK_HOSTS])
}

/** Asks for the hook of a source that was just added. What prevents it is said and does not undo the source. */
export async function registerIfWanted(session: Session, source: Source, wanted: HookProvider | true | undefined): Promise<void> {
  if (wanted === undefined) {
    return
  }
  try {
    const job = await registerHook(await session.ctx(), source, wanted === true ? null : wanted)
    session.note(`Job ${job} has the hook made at its host.`)
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    session.note(`No hook is made at its host: ${error.message}`)
  }
}

async function register(session: Session, slug: string, key: string, options: { provider?: HookProvider }): Promise<void> {
  const ctx = await session.ctx()
  const source = await find(session, slug, key)
  const job = await registerHook(ctx, source, options.provider ?? null)
  session.show(
    { job, source: source.uid },
    () => `Job ${job} has the hook made; see what came of it with: repertoire hook show ${slug} ${source.uid}`,
  )
}

async function unregister(session: Session, slug: string, key: string): Promise<void> {
  const source = await find(session, slug, key)
  await unregisterHook(await session.ctx(), source)
  session.show({ source: source.uid, unregistered: true }, () => `The hook of ${source.url} is deleted at its host by a job.`)
}

async function find(session: Session, slug: string, key: string): Promise<Source> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  return getSourceByKey(ctx, id, key)
}

/** What is known of the hook at the host, for documents and for people; null when none was asked for. */
export async function readRegistration(session: Session, source: Source) {
  const found = await findHookRegistration(await session.ctx(), source)
  if (found === null) {
    return null
  }
  const { provider, apiUrl, project, state, problem, updatedAt } = found
  const words = { waiting: 'a job is about to make it', registered: 'made', failed: `failed: ${problem ?? ''}` }[state]
  return {
    document: { provider, apiUrl, project, state, problem, updatedAt: toTimestamp(updatedAt) },
    words: `${words} (${provider}, ${project})`,
  }
}
