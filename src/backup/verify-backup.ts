import { stat } from 'node:fs/promises'
import { findSetting } from '../core/instance/index.ts'
import type { BackupMember } from '../platform/backup/backup-reader.ts'
import { InvalidBackup } from '../platform/backup/invalid-backup.ts'
import { keyFingerprint, parseKey } from '../platform/crypto/secret-key.ts'
import type { BackupManifest, BackupSummary, LostBlob, OnProgress } from './backup-documents.ts'
import { summarize } from './create-backup.ts'
import { readBackup } from './read-backup.ts'
import { createRowLoader, createScratchDatabase, type RowLoader, type ScratchDatabase } from './scratch-database.ts'
import { selectBlobNames, selectMirrors } from './rows.sql.ts'

/** A backup that was read to its end and can be restored. */
export interface VerifiedBackup {
  manifest: BackupManifest
  summary: BackupSummary
  /** Its rows, in the schema of the backup; the caller drops it. */
  scratch: ScratchDatabase
  /** The key, when it is in the backup. */
  key: Uint8Array | null
}

/**
 * Reads a whole backup: every digest, every row against the schema of its release, every archive that a row names. Writes to the temporary
 * directory only. Throws `InvalidBackup` with the first fault.
 */
export async function verifyBackup(path: string, onProgress: OnProgress): Promise<VerifiedBackup> {
  const check = new Check(onProgress)
  try {
    const read = await readBackup(path, check)
    const { manifest, trailer } = read
    await check.finish(trailer.lost)
    const summary = summarize(manifest, {
      blobs: trailer.blobs.count,
      mirrors: read.mirrors,
      bytes: (await stat(path)).size,
      hasKey: read.hasKey,
      lost: trailer.lost,
    })
    return { manifest, summary, scratch: check.requireScratch(), key: check.foundKey }
  } catch (error) {
    await check.drop()
    throw error
  }
}

/** Everything that is checked while a backup is read. Lives for one reading. */
class Check {
  readonly #onProgress: OnProgress
  #manifest: BackupManifest | null = null
  #scratch: ScratchDatabase | null = null
  #loader: RowLoader | null = null
  #named: AsyncIterator<string> | null = null
  #mirrors: Set<string> | null = null
  readonly #missing: string[] = []
  #rows = 0
  #blobs = 0
  foundKey: Uint8Array | null = null

  constructor(onProgress: OnProgress) {
    this.#onProgress = onProgress
  }

  async manifest(manifest: BackupManifest): Promise<void> {
    this.#manifest = manifest
    this.#scratch = await createScratchDatabase(manifest)
    this.#loader = await createRowLoader(this.#scratch.database, manifest)
  }

  async rows(part: { table: string; lines: string[] }): Promise<void> {
    await this.#loader?.load(part)
    this.#rows += part.lines.length
    const total = this.#manifest?.tables.map(({ rows }) => rows).reduce((sum, rows) => sum + rows, 0) ?? null
    this.#onProgress({ step: 'Checking tables', done: this.#rows, total })
  }

  /** Archives come in the order of their names, as the rows give them: both are gone through side by side. */
  async blob(sha256: string, member: BackupMember): Promise<void> {
    for (;;) {
      const named = await this.#nextName()
      if (named === null || named > sha256) {
        throw new InvalidBackup(`it has the archive ${sha256}, which no row names.`)
      }
      if (named === sha256) {
        break
      }
      this.#missing.push(named)
    }
    await member.digest()
    this.#blobs += 1
    this.#onProgress({ step: 'Checking archives', done: this.#blobs, total: null })
  }

  async mirror(mirror: string): Promise<void> {
    this.#mirrors ??= new Set(await selectMirrors(this.requireScratch().database.read))
    if (!this.#mirrors.has(mirror)) {
      throw new InvalidBackup(`it has a mirror "${mirror}" of no source.`)
    }
    this.#onProgress({ step: 'Checking mirrors', done: 0, total: null })
  }

  async key(text: string): Promise<void> {
    const key = parseKey(text, 'The key in the backup')
    if (keyFingerprint(key) !== this.#manifest?.keyFingerprint) {
      throw new InvalidBackup('its key is not the one that its secrets were sealed with.')
    }
    this.foundKey = key
  }

  async finish(lost: readonly LostBlob[]): Promise<void> {
    this.#loader?.finish()
    const fingerprint = await findSetting(this.requireScratch().database.read, 'secret_key_fingerprint')
    if (fingerprint !== null && fingerprint !== this.#manifest?.keyFingerprint) {
      throw new InvalidBackup('its manifest names another key than its rows.')
    }
    for (let named = await this.#nextName(); named !== null; named = await this.#nextName()) {
      this.#missing.push(named)
    }
    const declared = lost.flatMap(({ sha256, state }) => (state === 'missing' ? [sha256] : []))
    if (declared.join(' ') !== this.#missing.join(' ')) {
      throw new InvalidBackup('archives that its rows name are missing.')
    }
  }

  requireScratch(): ScratchDatabase {
    if (this.#scratch === null) {
      throw new InvalidBackup('it has no manifest.')
    }
    return this.#scratch
  }

  async drop(): Promise<void> {
    await this.#scratch?.drop()
  }

  async #nextName(): Promise<string | null> {
    this.#named ??= eachName(this.requireScratch())
    const { value, done } = await this.#named.next()
    return done === true ? null : value
  }
}

async function* eachName({ database }: ScratchDatabase): AsyncGenerator<string, void, undefined> {
  for await (const names of selectBlobNames(database.read)) {
    yield* names
  }
}
