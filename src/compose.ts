/**
 * The composition root: reads the configuration, opens the database, the key, the storage and git, and hands out the
 * ports. Nothing is served here; see serve.ts and the command line.
 */
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createCtx, SYSTEM, type Ports } from './app.ts'
import { openBlobs } from './compose/blobs.ts'
import { openOutside } from './compose/outside.ts'
import type { Config } from './config.ts'
import { putSettingOnce } from './core/instance/index.ts'
import type { Actor, Origin } from './core/kernel/actor.ts'
import type { Ctx } from './core/kernel/ctx.ts'
import type { Logger } from './core/kernel/ports.ts'
import { requireNoHalfRestore } from './platform/backup/restore-marker.ts'
import type { BlobStore } from './platform/blobs/blob-store.ts'
import { systemClock } from './platform/clock/system-clock.ts'
import { hashPassword, isOutdatedHash, verifyPassword } from './platform/crypto/password.ts'
import { systemRandom } from './platform/crypto/random.ts'
import { keyFingerprint, loadOrCreateKey } from './platform/crypto/secret-key.ts'
import { createSecrets } from './platform/crypto/secrets.ts'
import { createUuidv7 } from './platform/crypto/uuidv7.ts'
import { openPostgresDatabase, openSqliteDatabase, type Database } from './platform/db/database.ts'
import { migrate } from './platform/db/migrate.ts'
import { createLogger } from './platform/log/logger.ts'
import { createRedactionRegistry } from './platform/log/redaction.ts'

/** The data was written with another key; nothing can be decrypted with the one at hand. */
export class WrongSecretKey extends Error {
  constructor() {
    super(
      'The secret key is not the one that this database was set up with. Set REPERTOIRE_SECRET_KEY, or put the right secret.key into the data folder.',
    )
    this.name = 'WrongSecretKey'
  }
}

/** An opened installation. */
export interface App {
  readonly config: Config
  readonly ports: Ports
  readonly blobs: BlobStore
  /** Unique for this process and moment; owners of jobs begin with it. */
  readonly owner: string
  ctx(actor: Actor, origin: Origin): Ctx
  /** Ends waiting calls and child processes, and closes the database. */
  close(): Promise<void>
}

/** How an installation is opened. Threads of a server that migrated already do not migrate again. */
export interface OpenApp {
  /** Whether to bring the schema up to this release. */
  migrates: boolean
  /** Where log lines go. */
  write: (line: string) => void
}

/** Opens the data directory and the database. Throws `WrongSecretKey`, `DatabaseTooNew`, `RestoreIncomplete`, or what the machine refuses. */
export async function openApp(config: Config, { migrates, write }: OpenApp): Promise<App> {
  mkdirSync(config.dataDirectory, { recursive: true, mode: 0o700 })
  requireNoHalfRestore(config.dataDirectory)
  const redactions = createRedactionRegistry()
  const log = createLogger({ level: config.logLevel, format: config.logFormat, write, clock: systemClock, redactions })
  const { key } = loadOrCreateKey(config.dataDirectory, config.secretKey ?? undefined)
  const database = openDatabase(config, (error) => log.warn('A connection to the database was lost.', { error }))
  try {
    if (migrates) {
      await bringUpToDate(database, log)
    }
    await requireSameKey(database, key)
  } catch (error) {
    await database.close()
    throw error
  }
  const redact = (secret: string) => redactions.register(secret)
  const secrets = createSecrets({ key, random: systemRandom, redact })
  const outside = await openOutside(config, { clock: systemClock, database, secrets, log, redact, write })
  const blobs = openBlobs(config, { clock: systemClock, random: systemRandom, log, redact })
  const ending = new AbortController()
  const ports: Ports = {
    database,
    clock: systemClock,
    random: systemRandom,
    newId: createIds(),
    log,
    blobs,
    ...outside,
    secrets,
    passwords: { hash: hashPassword, verify: verifyPassword, isOutdated: isOutdatedHash },
    limits: config.limits,
    retention: config.retention,
    archives: config.archives,
    sourceUrls: config.sourceUrls,
    advisoryFeed: config.advisoryFeed,
    malwareFeed: config.malwareFeed,
    publicUrl: config.publicUrl,
    ending: ending.signal,
  }
  return {
    config,
    ports,
    blobs,
    owner: `${hostname()}/${process.pid}/${ports.newId()}`,
    ctx: (actor, origin) => createCtx(ports, actor, origin),
    async close() {
      ending.abort(new Error('The process is ending.'))
      await outside.git.close()
      await database.close()
    },
  }
}

async function bringUpToDate(database: Database, log: Logger): Promise<void> {
  const applied = await migrate(database)
  if (applied.length > 0) {
    log.info('The database schema was brought up to date.', { migrations: applied.join(', ') })
  }
}

function createIds(): () => string {
  const next = createUuidv7(systemRandom)
  return () => next(systemClock.now())
}

/** Opens the database that the configuration names; `onLost` hears of connections that broke while they were idle. */
export function openDatabase(config: Config, onLost: (error: Error) => void): Database {
  if (config.databaseUrl === null) {
    return openSqliteDatabase(join(config.dataDirectory, 'repertoire.db'))
  }
  return openPostgresDatabase(config.databaseUrl, config.databaseConnections, onLost)
}

/** The first process of an installation leaves the key's fingerprint; all later ones must have the same key. */
async function requireSameKey(database: Database, key: Uint8Array): Promise<void> {
  const fingerprint = keyFingerprint(key)
  if ((await putSettingOnce(database.write, 'secret_key_fingerprint', fingerprint)) !== fingerprint) {
    throw new WrongSecretKey()
  }
}

/** A context for what the process does by itself. */
export function systemCtx(app: App, surface: string): Ctx {
  return app.ctx(SYSTEM, { surface, address: null, agent: null, requestId: null })
}
