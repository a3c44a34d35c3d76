import type { Config } from '../config.ts'
import { putSetting } from '../core/instance/index.ts'
import type { Db } from '../core/kernel/schema.ts'
import { toSeconds } from '../core/kernel/values.ts'
import { bumpAllOrganizations } from '../core/organizations/index.ts'
import { bumpAllPackages } from '../core/packages/index.ts'
import { systemClock } from '../platform/clock/system-clock.ts'
import { systemRandom } from '../platform/crypto/random.ts'
import { createUuidv7 } from '../platform/crypto/uuidv7.ts'
import type { Database } from '../platform/db/database.ts'
import { runTransaction } from '../platform/db/transactions.ts'
import type { OnProgress } from './backup-documents.ts'
import { BACKUP_TABLES } from './backup-tables.ts'
import { withoutTransient } from './read-rows.ts'
import { requireEmptyDatabase, RESTORED_FROM, RestoreRefused } from './restore-target.ts'
import { cancelInvitations, replanSources, revokeAllTokens } from './revive.sql.ts'
import { insertRows, readTables, selectRows, setLastId } from './rows.sql.ts'
import type { VerifiedBackup } from './verify-backup.ts'

/** How rows are restored; see `RestoreBackup`. */
export interface RestoreRows {
  /** Tokens, and with them open invitations. */
  tokens: 'keep' | 'revoke'
  onProgress: OnProgress
}

/**
 * Writes all rows into an empty database of this release's schema, in one transaction that also makes an installation of them that may live
 * on: sources are looked at anew, clocks stand above those that clients of the lost installation saw (CO-041). Returns how many tokens were
 * revoked. Throws `RestoreRefused` when something was written meanwhile.
 */
export async function restoreRows(
  database: Database,
  config: Config,
  request: RestoreRows,
  verified: VerifiedBackup,
): Promise<number> {
  const newId = createUuidv7(systemRandom)
  const { manifest } = verified
  const scope = {
    actor: { kind: 'operator' } as const,
    origin: { surface: 'cli', address: null, agent: null, requestId: null },
    now: systemClock.now(),
    newId: () => newId(systemClock.now()),
    enqueue: () => Promise.reject(new Error('A restore enqueues no jobs.')),
    onAfterCommitError: () => {},
  }
  const written = runTransaction(database, scope, async (tx) => {
    await requireEmptyDatabase(tx.db, null)
    await copyRows(tx.db, request.onProgress, verified)
    for (const { name, lastId, columns } of manifest.tables) {
      if (columns.includes('id')) {
        await setLastId(tx.db, config.databaseUrl === null ? 'sqlite' : 'postgres', { table: name, last: lastId })
      }
    }
    await replanSources(tx.db, tx.now)
    await bumpAllOrganizations(tx.db, toSeconds(tx.now))
    await bumpAllPackages(tx.db, toSeconds(tx.now))
    const revokedTokens = request.tokens === 'revoke' ? await revokeAllTokens(tx.db, tx.now) : 0
    if (request.tokens === 'revoke') {
      await cancelInvitations(tx.db, tx.now)
    }
    await putSetting(tx.db, RESTORED_FROM, manifest.id)
    await tx.record({
      type: 'instance.restored',
      organization: null,
      backup: manifest.id,
      takenAt: manifest.createdAt,
      revokedTokens,
    })
    return revokedTokens
  })
  return written.catch((error: unknown) => {
    throw isConflict(error) ? new RestoreRefused('Somebody else wrote to the database meanwhile; nothing was restored.') : error
  })
}

/** The rows agree with each other, so only those of others can be in their way. */
function isConflict(error: unknown): boolean {
  return /^(?:SQLITE_CONSTRAINT|23505$)/.test(String((error as { code?: unknown } | null)?.code))
}

async function copyRows(db: Db, onProgress: OnProgress, { scratch, summary }: VerifiedBackup): Promise<void> {
  const tables = await readTables(scratch.database.read)
  const total = Object.values(summary.tables).reduce((sum, rows) => sum + rows, 0)
  let done = 0
  for (const table of BACKUP_TABLES) {
    const columns = (tables.get(table.name) ?? []).map(({ name }) => name)
    for await (const rows of selectRows(scratch.database.read, table, columns)) {
      await insertRows(db, table.name, { columns, rows: withoutTransient(table, columns, rows) })
      done += rows.length
      onProgress({ step: 'Restoring tables', done, total })
    }
  }
}
