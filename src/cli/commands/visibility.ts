import { InvalidArgumentError, Option, type Command } from 'commander'
import { createJobToken } from '../../core/access/index.ts'
import { findUserByEmail } from '../../core/accounts/index.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Visibility } from '../../core/kernel/schema.ts'
import { VISIBILITIES } from '../../core/kernel/visibility.ts'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { allowJobs, setSourceVisibility } from '../../core/sources/index.ts'
import { usageFailure } from '../failure.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { getSourceByKey, presentSource } from '../source-outcome.ts'
import { parseSyncInterval } from '../sync-interval.ts'
import { toTimestamp } from '../texts.ts'

/** Who sees something besides members. */
export function visibilityOption(): Option {
  return new Option('--visibility <who>', 'who sees it besides members: nobody, every token, or everybody').choices([
    ...VISIBILITIES,
  ])
}

/** `repertoire source open` and `source allow-jobs`. */
export function addSourceVisibilityCommands(commands: Command, run: Run): void {
  commands
    .command('open')
    .description('change who sees the packages of a source besides members of its organization')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .addOption(visibilityOption())
    .addOption(
      new Option('--archives <who>', 'who may download its archives through GitLab’s API').choices(['members', 'everyone']),
    )
    .addHelpText(
      'after',
      '\nA source is never seen more widely than its organization.\n' +
        '\nExample:\n  $ repertoire source open acme https://github.com/acme/widgets.git --visibility public',
    )
    .action(run(open))
  commands
    .command('allow-jobs')
    .description('let the jobs of another source use the packages of a source by their tokens')
    .argument('<org>', 'slug of the organization')
    .argument('<source>', 'URL or uid of the source')
    .requiredOption('--of <source>', 'URL or uid of the source whose jobs are meant')
    .option('--no-longer', 'let them no longer')
    .addHelpText('after', '\nExample:\n  $ repertoire source allow-jobs acme <uid> --of <uid of the other>')
    .action(run(allow))
}

/** `repertoire token create-job`. */
export function addJobTokenCommand(commands: Command, run: Run): void {
  commands
    .command('create-job')
    .description('issue the token of a job, which acts as a person in GitLab’s API while the job runs')
    .argument('<person>', 'e-mail address of the person')
    .argument('<org>', 'slug of the organization of the source')
    .requiredOption('--source <source>', 'URL or uid of the source that the job is of')
    .option('--name <name>', 'what the job is', 'job')
    .option('--policies <policies>', 'what it may do besides reading metadata: read, publish', parsePolicies, ['read', 'publish'])
    .option('--lifetime <time>', 'how long it may run, at most 1d', parseLifetime, parseLifetime('1h'))
    .addHelpText(
      'after',
      '\nRevoke it when the job ends: repertoire token revoke <person> <uid>.\n' +
        '\nExample:\n  $ repertoire token create-job ada@example.com acme --source https://github.com/acme/widgets.git --lifetime 2h',
    )
    .action(run(createJob))
}

type Policy = 'read' | 'publish'

function parsePolicies(text: string): Policy[] {
  return text.split(',').map((word) => {
    if (word !== 'read' && word !== 'publish') {
      throw new InvalidArgumentError('Give read, publish, or both with a comma between.')
    }
    return word
  })
}

function parseLifetime(text: string): number {
  const seconds = parseSyncInterval(text)
  if (seconds === 'auto') {
    throw new InvalidArgumentError('Give a duration such as 10m or 2h.')
  }
  return seconds * 1000
}

interface OpenOptions {
  visibility?: Visibility
  archives?: 'members' | 'everyone'
}

async function open(session: Session, slug: string, key: string, { visibility, archives }: OpenOptions): Promise<void> {
  if (visibility === undefined && archives === undefined) {
    throw usageFailure('Say what to change: --visibility or --archives.')
  }
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await setSourceVisibility(ctx, await getSourceByKey(ctx, id, key), {
    ...(visibility === undefined ? {} : { visibility }),
    ...(archives === undefined ? {} : { archiveAccess: archives }),
  })
  const document = { ...presentSource(source), visibility: source.visibility, archives: source.archiveAccess }
  session.show(document, () => `${source.url} is ${source.visibility}; its archives are for ${source.archiveAccess}.`)
}

async function allow(
  session: Session,
  slug: string,
  key: string,
  { of, longer }: { of: string; longer: boolean },
): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, key)
  const jobsOf = await getSourceByKey(ctx, id, of)
  const allowed = longer ? 'yes' : 'no'
  await allowJobs(ctx, { source, jobsOf, allowed })
  session.show({ source: source.uid, jobsOf: jobsOf.uid, allowed: allowed === 'yes' }, () =>
    allowed === 'yes' ? `Jobs of ${jobsOf.url} may use ${source.url}.` : `Jobs of ${jobsOf.url} may no longer use ${source.url}.`,
  )
}

interface JobOptions {
  source: string
  name: string
  policies: Policy[]
  lifetime: number
}

async function createJob(session: Session, email: string, slug: string, options: JobOptions): Promise<void> {
  const ctx = await session.ctx()
  const user = await findUserByEmail(ctx.db, email.toLowerCase())
  if (user === null) {
    throw new DomainError('user_not_found')
  }
  const { id } = await getOrganizationByPath(ctx, slug)
  const source = await getSourceByKey(ctx, id, options.source)
  const { token, secret } = await createJobToken(ctx, { ...options, user: user.id, source: source.id })
  const { uid, name, scopes, expiresAt } = token
  session.show(
    { uid, name, scopes, expiresAt: toTimestamp(expiresAt), token: secret },
    () => `${secret}\n\nIt is shown only this once (${uid}).`,
  )
}
