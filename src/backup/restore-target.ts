import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { findSetting } from '../core/instance/index.ts'
import type { Db } from '../core/kernel/schema.ts'
import { RESTORE_MARKER, findRestoreMarker } from '../platform/backup/restore-marker.ts'
import { keyFingerprint, loadOrCreateKey } from '../platform/crypto/secret-key.ts'
import { hasRows, readTables } from './rows.sql.ts'

/** There is something where the backup would go, or the key for it is not there. Nothing was written. */
export class RestoreRefused extends Error {
  constructor(problem: string) {
    super(problem)
    this.name = 'RestoreRefused'
  }
}

/** The setting that holds the id of the backup that an installation was restored from. */
export const RESTORED_FROM = 'restored_backup'

/** What an empty data directory may hold: the key, put there for the restore, and what the lock and the file system leave. */
const HARMLESS = new Set(['secret.key', 'serve.lock', 'serve.lock-journal', 'serve.pid', 'lost+found'])
/** What an interrupted restore of the same backup leaves. */
const UNFINISHED = new Set([RESTORE_MARKER, 'blobs', 'git', 'repertoire.db', 'repertoire.db-wal', 'repertoire.db-shm'])

/** Throws `RestoreRefused` unless the data directory is empty, absent, or holds what an interrupted restore of this backup left. */
export async function requireEmptyDirectory(directory: string, backup: string | null): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const marker = findRestoreMarker(directory)
  const isContinued = marker !== null && marker === backup
  const found = names.filter((name) => !HARMLESS.has(name) && !(isContinued && UNFINISHED.has(name)))
  if (found.length > 0) {
    const hint = marker === null ? '' : ' The restore of another backup was interrupted here.'
    throw new RestoreRefused(
      `The data folder ${directory} is not empty: it holds ${listNames(found)}.${hint} A restore never replaces anything; ` +
        'give REPERTOIRE_DATA a new folder, or move what is there away.',
    )
  }
}

/**
 * Throws `RestoreRefused` unless no table has a row. `restored` when it holds this very backup, complete, in a
 * directory whose restore was interrupted.
 */
export async function requireEmptyDatabase(db: Db, interrupted: string | null): Promise<'empty' | 'restored'> {
  const tables = await readTables(db)
  if (interrupted !== null && tables.has('settings') && (await findSetting(db, RESTORED_FROM)) === interrupted) {
    return 'restored'
  }
  const found: string[] = []
  for (const name of tables.keys()) {
    if (!name.startsWith('kysely_') && (await hasRows(db, name))) {
      found.push(name)
    }
  }
  if (found.length > 0) {
    throw new RestoreRefused(
      `The database is not empty: there is something in ${listNames(found)}. A restore never replaces anything; name an empty database.`,
    )
  }
  return 'empty'
}

function listNames(names: readonly string[]): string {
  const shown = names.toSorted().slice(0, 8).join(', ')
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown
}

/**
 * Throws `RestoreRefused` unless the key that the secrets were sealed with is at hand: in the environment, in the data directory, or in the
 * backup (`held`). Returns the key that is to be written into the data directory, or null.
 */
export function requireKey(config: Config, fingerprint: string, held: Uint8Array | null): Uint8Array | null {
  const isGiven = config.secretKey !== null || existsSync(join(config.dataDirectory, 'secret.key'))
  if (!isGiven && held !== null) {
    return held
  }
  if (!isGiven) {
    throw new RestoreRefused(
      `The secrets in this backup were sealed with the key ${fingerprint}, which is not in it. Put the secret.key of the lost installation ` +
        `into ${config.dataDirectory}, or set REPERTOIRE_SECRET_KEY.`,
    )
  }
  const { key } = loadOrCreateKey(config.dataDirectory, config.secretKey ?? undefined)
  if (keyFingerprint(key) !== fingerprint) {
    throw new RestoreRefused(
      `The key at hand is ${keyFingerprint(key)}, but the secrets in this backup were sealed with ${fingerprint}. Give the key of the ` +
        'installation that the backup is of.',
    )
  }
  return null
}
