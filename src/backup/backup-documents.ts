import { z } from 'zod'

/** The version of the container; a reader refuses others. */
export const BACKUP_FORMAT = 1

/** The first and the last member of every backup. */
export const MANIFEST_NAME = 'manifest.json'
/** See `MANIFEST_NAME`. */
export const TRAILER_NAME = 'trailer.json'
/** Present only when the backup was made with the instance's key. */
export const KEY_NAME = 'secret.key'

const Count = z.number().int().nonnegative()
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** What a backup says of itself before anything else. Unknown fields are refused. */
export const BackupManifest = z.strictObject({
  format: z.literal(BACKUP_FORMAT),
  product: z.literal('repertoire'),
  /** The release that wrote it. */
  version: z.string().max(100),
  /** Unique for each backup. */
  id: z.uuid(),
  createdAt: Count,
  database: z.enum(['sqlite', 'postgres']),
  /** The schema in which the rows are: all migrations up to the last. */
  migrations: z.array(z.string().max(200)).min(1).max(10_000),
  /** Names the key that secrets in rows are sealed with. */
  keyFingerprint: z.string().regex(/^[0-9a-f]{16}$/),
  tables: z
    .array(
      z.strictObject({
        name: z.string().max(100),
        columns: z.array(z.string().max(100)).min(1).max(500),
        rows: Count,
        /** The highest id that was ever handed out; 0 where the table has none. */
        lastId: Count,
      }),
    )
    .max(1_000),
})
/** See the value of the same name. */
export type BackupManifest = z.output<typeof BackupManifest>

/** What proves that a backup is complete: the digests of everything before it. */
export const BackupTrailer = z.strictObject({
  /** Every member but the archives, in order. */
  members: z.array(z.strictObject({ name: z.string().max(100), sha256: Sha256 })),
  /** Archives are named by their digests; this is the SHA-256 of all names in order, each with a line break. */
  blobs: z.strictObject({ count: Count, sha256: Sha256 }),
  /** Archives that rows name and storage could not give, or gave with other bytes. */
  lost: z.array(z.strictObject({ sha256: Sha256, state: z.enum(['missing', 'damaged']) })),
})
/** See the value of the same name. */
export type BackupTrailer = z.output<typeof BackupTrailer>

/** An archive that is not in the backup as it should be. */
export type LostBlob = BackupTrailer['lost'][number]

/** How far a backup or restore has come; `total` is null while unknown. */
export type OnProgress = (progress: { step: string; done: number; total: number | null }) => void

/** What is in a backup, in numbers. */
export interface BackupSummary {
  id: string
  version: string
  createdAt: number
  database: 'sqlite' | 'postgres'
  /** Rows per table. */
  tables: Record<string, number>
  blobs: number
  mirrors: number
  bytes: number
  hasKey: boolean
  lost: LostBlob[]
}
