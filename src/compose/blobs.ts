/** Where blobs are: on the disk of this machine, or in a bucket. */
import { join } from 'node:path'
import type { Config } from '../config.ts'
import type { Clock, Logger, Random } from '../core/kernel/ports.ts'
import type { BlobStore } from '../platform/blobs/blob-store.ts'
import { createDiskBlobs } from '../platform/blobs/disk.ts'
import { createS3Blobs } from '../platform/blobs/s3.ts'
import { openS3Bucket } from '../platform/blobs/s3-bucket.ts'

/** What a store of blobs is opened with. */
export interface BlobsParts {
  clock: Clock
  random: Random
  log: Logger
  redact: (secret: string) => void
}

/** Opens the store that the configuration names. With a bucket, the disk only receives what is about to be uploaded. */
export function openBlobs(config: Config, { clock, random, log, redact }: BlobsParts): BlobStore {
  const disk = createDiskBlobs({ root: join(config.dataDirectory, 'blobs'), clock, log })
  if (config.objectStore === null) {
    return disk
  }
  const { prefix, redirectSeconds, ...place } = config.objectStore
  redact(place.secretAccessKey)
  return createS3Blobs({ bucket: openS3Bucket(place), prefix, redirectSeconds, staging: disk, clock, random, log })
}
