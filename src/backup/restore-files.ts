import { join } from 'node:path'
import { openBlobs } from '../compose/blobs.ts'
import type { Config } from '../config.ts'
import { syncDirectory, writeNewFile } from '../platform/backup/backup-writer.ts'
import { InvalidBackup } from '../platform/backup/invalid-backup.ts'
import { createMirrorBuilder } from '../platform/backup/mirror-files.ts'
import { systemClock } from '../platform/clock/system-clock.ts'
import { systemRandom } from '../platform/crypto/random.ts'
import { createLogger } from '../platform/log/logger.ts'
import { createRedactionRegistry } from '../platform/log/redaction.ts'
import type { OnProgress } from './backup-documents.ts'
import { readBackup } from './read-backup.ts'
import type { VerifiedBackup } from './verify-backup.ts'

/** Where files come from, and who hears of them. */
export interface RestoreFiles {
  path: string
  /** Where log lines of level warn go. */
  writeLog: (line: string) => void
  onProgress: OnProgress
}

/**
 * Writes archives and mirrors of a backup that was verified, in a second reading. An archive that has other bytes now than in the first is
 * refused with `InvalidBackup`. What an interrupted try left is replaced.
 */
export async function restoreFiles(config: Config, request: RestoreFiles, { summary }: VerifiedBackup): Promise<void> {
  const { path, onProgress } = request
  const redactions = createRedactionRegistry()
  const log = createLogger({
    level: 'warn',
    format: config.logFormat,
    write: request.writeLog,
    clock: systemClock,
    redactions,
  })
  const redact = (secret: string) => redactions.register(secret)
  const blobs = openBlobs(config, { clock: systemClock, random: systemRandom, log, redact })
  const mirrors = createMirrorBuilder(join(config.dataDirectory, 'git'))
  const lost = new Set(summary.lost.map(({ sha256 }) => sha256))
  let written = 0
  await readBackup(path, {
    manifest: async () => {},
    rows: async () => {},
    key: async () => {},
    async blob(sha256, member) {
      if (lost.has(sha256)) {
        return
      }
      const stored = await blobs.put(member.content())
      if (stored.sha256 !== sha256) {
        throw new InvalidBackup('it changed while it was read.')
      }
      written += 1
      onProgress({ step: 'Restoring archives', done: written, total: summary.blobs })
    },
    async mirror(mirror, name, member) {
      await mirrors.add(mirror, name, member.content())
      onProgress({ step: 'Restoring mirrors', done: 0, total: null })
    },
  })
  await mirrors.finish()
}

/** Writes the key that was in the backup; it survives a crash when this returns. */
export async function restoreKey({ dataDirectory }: Config, key: Uint8Array): Promise<void> {
  await writeNewFile(join(dataDirectory, 'secret.key'), Buffer.from(`${Buffer.from(key).toString('hex')}\n`))
  await syncDirectory(dataDirectory)
}
