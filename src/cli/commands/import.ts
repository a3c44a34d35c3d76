import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { importSatis, readSatis, type ImportedRepository, type Satis } from '../../core/sources/index.ts'
import { EXIT, usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import type { Run } from '../program.ts'
import { readSecret } from '../secret-input.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { countOf } from '../texts.ts'

const HELP = `
Adds the repositories of a satis.json as sources, each with the credential that auth.json or the config of satis.json has for its host. What
cannot be taken over is listed with the reason. Run again, it adds only what is missing.

Exit code 0 when nothing was refused, else 4.

Examples:
  $ repertoire import satis satis.json --organization acme --dry-run
  $ repertoire import satis satis.json --organization acme --auth auth.json --ssh-key-file ~/.ssh/deploy_key`

/** Far more than any list of repositories needs. */
const MAX_BYTES = 16 * 1024 * 1024

/** `repertoire import …` */
export function addImportCommands(program: Command, run: Run): void {
  program
    .command('import')
    .description('take over what another registry has')
    .command('satis')
    .description('add the repositories of a satis.json as sources')
    .argument('<file>', 'the satis.json')
    .requiredOption('--organization <org>', 'slug of the organization that gets the sources')
    .option('--auth <file>', 'an auth.json with credentials')
    .option('--ssh-key-file <file>', 'a private ssh key (without passphrase) for all repositories over ssh')
    .option('--dry-run', 'only say what would happen')
    .addHelpText('after', HELP)
    .action(run(importFromSatis))
}

interface SatisOptions {
  organization: string
  auth?: string
  sshKeyFile?: string
  dryRun?: boolean
}

async function importFromSatis(session: Session, path: string, options: SatisOptions): Promise<number> {
  const satis = readSatis(readText(path), options.auth === undefined ? null : readText(options.auth))
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, options.organization)
  const sshKey =
    options.sshKeyFile === undefined ? null : `${await readSecret(session, { kind: 'file', path: options.sshKeyFile })}\n`
  const isDryRun = options.dryRun === true
  const repositories = await importSatis(ctx, { organization: id, satis, sshKey, mode: isDryRun ? 'plan' : 'apply' })
  session.show({ dryRun: isDryRun, repositories, settings: satis.notes }, () => describe(session, repositories, satis))
  const added = repositories.filter(({ outcome }) => outcome === 'added').length
  if (added > 0) {
    session.note(
      `${countOf(added, 'source')} added. A running server reads them; see: repertoire source list ${options.organization}`,
    )
  }
  return repositories.some(({ outcome }) => outcome === 'refused') ? EXIT.refused : EXIT.done
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > MAX_BYTES) {
      throw usageFailure(`The file ${toInert(path)} is too large for what it should be.`)
    }
    return bytes.toString('utf8')
  } catch (error) {
    throw error instanceof Error && 'code' in error
      ? usageFailure(`The file ${toInert(path)} cannot be read (${String(error.code)}).`)
      : error
  }
}

function describe(session: Session, repositories: readonly ImportedRepository[], { notes }: Satis): string {
  const rows = repositories.map(({ outcome, type, url, credential, note }) => [outcome, type, url, credential ?? '-', note ?? ''])
  const table =
    rows.length === 0
      ? 'There are no repositories in this file.'
      : formatTable(['OUTCOME', 'TYPE', 'REPOSITORY', 'CREDENTIAL', 'NOTE'], rows, session.tableWidth)
  const settings = notes.map(({ setting, note }) => [setting, note])
  return settings.length === 0 ? table : `${table}\n\n${formatTable(['SETTING', 'WHAT BECOMES OF IT'], settings, null)}`
}
