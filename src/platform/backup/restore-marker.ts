import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory, writeNewFile } from './backup-writer.ts'

/** Stands in the data directory while a restore is not complete; holds the id of the backup. */
export const RESTORE_MARKER = 'restore.incomplete'

/** The data directory holds a part of a backup only. */
export class RestoreIncomplete extends Error {
  constructor(directory: string) {
    super(
      `A restore into ${directory} was interrupted. Run "repertoire backup restore" with the same backup again, or empty the folder ` +
        '(and the database) to begin anew.',
    )
    this.name = 'RestoreIncomplete'
  }
}

/** Throws `RestoreIncomplete` when a restore into the directory did not come to its end. */
export function requireNoHalfRestore(directory: string): void {
  if (existsSync(join(directory, RESTORE_MARKER))) {
    throw new RestoreIncomplete(directory)
  }
}

/** The id of the backup whose restore was interrupted here, or null. */
export function findRestoreMarker(directory: string): string | null {
  try {
    return readFileSync(join(directory, RESTORE_MARKER), 'utf8').trim()
  } catch {
    return null
  }
}

/** Marks the directory before anything else is written; survives a crash when it returns. */
export async function setRestoreMarker(directory: string, backup: string): Promise<void> {
  await rm(join(directory, RESTORE_MARKER), { force: true })
  await writeNewFile(join(directory, RESTORE_MARKER), Buffer.from(`${backup}\n`))
  await syncDirectory(directory)
}

/** Declares the restore complete. */
export async function removeRestoreMarker(directory: string): Promise<void> {
  await rm(join(directory, RESTORE_MARKER), { force: true })
  await syncDirectory(directory)
}
