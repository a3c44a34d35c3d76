/**
 * A restore reads the whole backup before it writes anything, and then writes in this order: a marker, without which nothing that follows
 * counts; archives and mirrors; the key; all rows in one transaction; and last the marker goes. While the marker is there no server or
 * command starts on the directory, and the same restore can be run again; so a crash leaves no installation, or the whole one.
 */
import { mkdir } from 'node:fs/promises'
import { openDatabase } from '../compose.ts'
import type { Config } from '../config.ts'
import { findRestoreMarker, removeRestoreMarker, setRestoreMarker } from '../platform/backup/restore-marker.ts'
import { onStorage } from '../platform/blobs/storage-errors.ts'
import { systemClock } from '../platform/clock/system-clock.ts'
import { lockData } from '../platform/db/data-lock.ts'
import { migrate } from '../platform/db/migrate.ts'
import type { BackupSummary } from './backup-documents.ts'
import { restoreFiles, restoreKey, type RestoreFiles } from './restore-files.ts'
import { restoreRows, type RestoreRows } from './restore-rows.ts'
import { requireEmptyDatabase, requireEmptyDirectory, requireKey } from './restore-target.ts'
import { selectLostUploads, selectWorkingTokens, type LostUpload, type WorkingToken } from './revive.sql.ts'
import { verifyBackup, type VerifiedBackup } from './verify-backup.ts'

/**
 * A backup to be restored into what the configuration names. `tokens` is what happens to those that worked when the backup was made: one that
 * was revoked since would work again.
 */
export type RestoreBackup = RestoreFiles & RestoreRows

/** What became of a restore. */
export interface Restored {
  summary: BackupSummary
  /** Tokens that work now; to be looked through by the operator. */
  tokens: WorkingToken[]
  revokedTokens: number
  /** Uploads whose archive was lost before the backup was made. All other lost archives are built again. */
  lostUploads: LostUpload[]
}

/**
 * Restores a backup into an empty data directory and an empty database of either kind. Throws `InvalidBackup`, `RestoreRefused`,
 * `DataDirectoryInUse`, `storage_unavailable`.
 */
export async function restoreBackup(config: Config, request: RestoreBackup): Promise<Restored> {
  await requireEmptyDirectory(config.dataDirectory, findRestoreMarker(config.dataDirectory))
  const verified = await verifyBackup(request.path, request.onProgress)
  try {
    const { manifest } = verified
    await requireEmptyDirectory(config.dataDirectory, manifest.id)
    const key = requireKey(config, manifest.keyFingerprint, verified.key)
    await requireEmptyServer(config, manifest.id)
    await migrate(verified.scratch.database)
    await onStorage(() => mkdir(config.dataDirectory, { recursive: true, mode: 0o700 }))
    const lock = lockData(config.dataDirectory)
    try {
      return await write(config, request, verified, key)
    } finally {
      lock.release()
    }
  } finally {
    await verified.scratch.drop()
  }
}

/** A database server is asked before anything is written; the file of the embedded database would be in the directory. */
async function requireEmptyServer(config: Config, backup: string): Promise<void> {
  if (config.databaseUrl === null) {
    return
  }
  const database = openDatabase(config, () => {})
  try {
    const isContinued = findRestoreMarker(config.dataDirectory) === backup
    await requireEmptyDatabase(database.write, isContinued ? backup : null)
  } finally {
    await database.close()
  }
}

async function write(
  config: Config,
  request: RestoreBackup,
  verified: VerifiedBackup,
  key: Uint8Array | null,
): Promise<Restored> {
  const directory = config.dataDirectory
  const interrupted = findRestoreMarker(directory)
  await setRestoreMarker(directory, verified.manifest.id)
  await restoreFiles(config, request, verified)
  if (key !== null) {
    await restoreKey(config, key)
  }
  // A connection that broke fails the statement that needs it.
  const database = openDatabase(config, () => {})
  try {
    await migrate(database)
    const isRestored = (await requireEmptyDatabase(database.write, interrupted)) === 'restored'
    const revokedTokens = isRestored ? 0 : await restoreRows(database, config, request, verified)
    request.onProgress({ step: 'Finishing', done: 0, total: null })
    await removeRestoreMarker(directory)
    const lost = verified.summary.lost.map(({ sha256 }) => sha256)
    return {
      summary: verified.summary,
      tokens: await selectWorkingTokens(database.read, systemClock.now()),
      revokedTokens,
      lostUploads: await selectLostUploads(database.read, lost),
    }
  } finally {
    await database.close()
  }
}
