import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { BackupSummary, OnProgress } from '../../backup/backup-documents.ts'
import { createBackup } from '../../backup/create-backup.ts'
import { restoreBackup, type Restored } from '../../backup/restore-backup.ts'
import { verifyBackup } from '../../backup/verify-backup.ts'
import { CliFailure, EXIT, interruption, toFailure, usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { ProgressView } from '../progress-view.ts'
import type { Run } from '../program.ts'
import type { Session } from '../session.ts'
import { formatFields, formatTable } from '../table.ts'
import { countOf, toMoment, toTimestamp } from '../texts.ts'

const CREATE_HELP = `
One file with every row, archive and mirror, consistent also while the server runs. It appears when it is complete. Stored credentials in it
stay sealed with the key of this installation, which is not in it: keep secret.key (or REPERTOIRE_SECRET_KEY) in another safe place, or
use --with-key and guard the file like the key itself.

Examples:
  $ repertoire backup create /backups/repertoire.tar
  $ repertoire backup create /backups              (a folder: the file is named by the time)`

const RESTORE_HELP = `
REPERTOIRE_DATA must name a new or empty folder, REPERTOIRE_DATABASE_URL, if set, an empty database. The whole backup is checked first. A
backup of the embedded database can be restored into PostgreSQL and the other way round.

What was taken away after the backup was made is there again: tokens, members, people. Look through them; --revoke-tokens leaves no token that
works.

Example:
  $ REPERTOIRE_DATA=/srv/repertoire repertoire backup restore /backups/repertoire.tar`

/** `repertoire backup …` */
export function addBackupCommands(program: Command, run: Run): void {
  const commands = program.command('backup').description('backups: make, check and restore them')
  commands
    .command('create')
    .description('write everything to a new file, also while the server runs')
    .argument('<file>', 'the new file, or a folder for it')
    .option(
      '--without-mirrors',
      'leave out the mirrors of repositories; they are fetched again, but commits that upstream lost are gone',
    )
    .option('--with-key', 'put the secret key into the backup: whoever reads the file can then open every stored credential')
    .addHelpText('after', CREATE_HELP)
    .action(run(create))
  commands
    .command('verify')
    .description('read a backup to its end and say whether it can be restored')
    .argument('<file>', 'the backup')
    .addHelpText(
      'after',
      '\nExit code 0 when it is whole, 4 when it is not.\n\nExample:\n  $ repertoire backup verify /backups/repertoire.tar',
    )
    .action(run(verify))
  commands
    .command('restore')
    .description('restore a backup into an empty data folder and database')
    .argument('<file>', 'the backup')
    .option(
      '--revoke-tokens',
      'revoke every token and cancel open invitations, because nobody knows which were revoked after the backup was made',
    )
    .addHelpText('after', RESTORE_HELP)
    .action(run(restore))
}

interface CreateOptions {
  withoutMirrors?: boolean
  withKey?: boolean
}

async function create(session: Session, target: string, options: CreateOptions): Promise<void> {
  const app = await session.open()
  const path = await toFile(target, app.ports.clock.now())
  const withKey = options.withKey === true
  const summary = await working(session, async (onProgress) =>
    createBackup(app, await session.ctx(), { path, withMirrors: options.withoutMirrors !== true, withKey, onProgress }),
  )
  if (withKey) {
    session.note('WARNING: this backup holds the secret key. Whoever reads the file can open every stored credential.')
  } else {
    session.note('The secret key is not in the backup; without it stored credentials cannot be opened after a restore.')
  }
  warnOfLost(session, summary)
  session.show({ file: path, ...presentSummary(summary) }, () => `Wrote ${toInert(path)}\n${describe(summary)}`)
}

async function toFile(target: string, now: number): Promise<string> {
  const path = resolve(target)
  const found = await stat(path).catch(() => null)
  if (found?.isDirectory() !== true) {
    return path
  }
  const time = new Date(now).toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  return join(path, `repertoire-${time}.tar`)
}

async function verify(session: Session, target: string): Promise<void> {
  const path = await requireFile(target)
  const summary = await working(session, async (onProgress) => {
    const verified = await verifyBackup(path, onProgress)
    await verified.scratch.drop()
    return verified.summary
  })
  warnOfLost(session, summary)
  session.show({ file: path, isWhole: true, ...presentSummary(summary) }, () => `The backup is whole.\n${describe(summary)}`)
}

async function restore(session: Session, target: string, options: { revokeTokens?: boolean }): Promise<void> {
  const path = await requireFile(target)
  const { config } = session
  const writeLog = (line: string) => session.io.stderr.write(line)
  const restored = await working(session, (onProgress) =>
    restoreBackup(config, { path, tokens: options.revokeTokens === true ? 'revoke' : 'keep', writeLog, onProgress }),
  )
  warnOfLost(session, restored.summary)
  warnOfTokens(session, restored)
  session.show(presentRestored(restored), () =>
    [
      `Restored the backup of ${toMoment(restored.summary.createdAt)} into ${toInert(config.dataDirectory)}`,
      describe(restored.summary),
      'Every source is looked at anew when the server starts.',
    ].join('\n'),
  )
}

async function requireFile(target: string): Promise<string> {
  const path = resolve(target)
  const found = await stat(path).catch(() => null)
  if (found === null || !found.isFile()) {
    throw usageFailure(`There is no file ${toInert(path)}.`)
  }
  return path
}

const REFUSALS = new Set(['invalid_backup', 'restore_refused', 'backup_exists', 'data_directory_in_use'])

/** Shows how far the work is; what a backup itself makes impossible ends with the exit code of a refusal. */
async function working<Result>(session: Session, work: (onProgress: OnProgress) => Promise<Result>): Promise<Result> {
  const view = new ProgressView(session)
  let isInterrupted = false
  const unlisten = session.io.onInterrupt(() => {
    isInterrupted = true
  })
  try {
    return await work((progress) => {
      if (isInterrupted) {
        throw interruption()
      }
      view.update(progress, [])
    })
  } catch (error) {
    const failure = toFailure(error)
    throw REFUSALS.has(failure.code) ? new CliFailure({ ...failure, exit: EXIT.refused }) : error
  } finally {
    unlisten()
    view.end()
  }
}

function warnOfLost(session: Session, { lost }: BackupSummary): void {
  if (lost.length > 0) {
    session.note(
      `warning: ${countOf(lost.length, 'archive')} could not be read when the backup was made. Archives of repositories are built again; ` +
        'uploads come back when the same file is uploaded again.',
    )
  }
}

function warnOfTokens(session: Session, { tokens, revokedTokens, lostUploads, summary }: Restored): void {
  for (const { organization, package: name, version } of lostUploads) {
    session.note(
      toInert(`warning: the archive of the upload ${organization}: ${name} ${version} is lost; upload the same file again.`),
    )
  }
  if (revokedTokens > 0) {
    session.note(`${countOf(revokedTokens, 'token')} revoked. Issue new ones with: repertoire token create <org> --name <name>`)
  }
  if (tokens.length > 0) {
    session.note(
      `WARNING: ${countOf(tokens.length, 'token')} ${tokens.length === 1 ? 'works' : 'work'} as when the backup was made. If any was ` +
        `revoked since ${toMoment(summary.createdAt)}, revoke it again (repertoire token revoke). The same goes for people and members that were removed.`,
    )
    const rows = tokens.slice(0, 50).map((one) => [one.uid, one.organization ?? one.user ?? '-', one.hint, one.name])
    session.note(formatTable(['TOKEN', 'OF', 'ENDS WITH', 'NAME'], rows, null))
  }
}

function describe(summary: BackupSummary): string {
  const { tables } = summary
  return formatFields([
    ['Made', `${toMoment(summary.createdAt)}, by release ${summary.version} on ${summary.database}`],
    ['Id', summary.id],
    ['Organizations', String(tables['organizations'] ?? 0)],
    ['Packages', `${tables['packages'] ?? 0} with ${countOf(tables['versions'] ?? 0, 'version')}`],
    ['Archives', `${summary.blobs}${summary.lost.length === 0 ? '' : `, ${summary.lost.length} lost`}`],
    ['Mirrors', String(summary.mirrors)],
    ['Secret key', summary.hasKey ? 'in the backup' : 'not in the backup'],
    ['Size', `${Math.ceil(summary.bytes / 1024)} KiB`],
  ])
}

function presentSummary(summary: BackupSummary) {
  return { ...summary, createdAt: toTimestamp(summary.createdAt) }
}

function presentRestored({ summary, tokens, revokedTokens, lostUploads }: Restored) {
  return { ...presentSummary(summary), tokens, revokedTokens, lostUploads }
}
