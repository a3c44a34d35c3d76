/**
 * Blobs in a bucket of any store that speaks S3. What arrives is received on the disk of this machine, where nobody sees it, and uploaded under
 * its key when it is complete: an object appears at once with all its bytes, so readers never see half a blob, whoever dies when.
 *
 * - What was uploaded is looked at before it is acknowledged, and uploaded again when the store does not have it.
 * - A store may not know an object yet that another process has just stored. What is not there is asked for again before it counts as absent.
 * - The bytes are read in ranges of bounded size, each tried again by itself, so a blob of any size takes little memory and survives a broken
 *   connection.
 * - `remove` and a `put` of the same content do not wait for each other; see the disk's.
 */
import { createHash } from 'node:crypto'
import type { BlobReader, Clock, Logger, Random, StagedBlob } from '../../core/kernel/ports.ts'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import type { BlobStore } from './blob-store.ts'
import type { DiskBlobs } from './disk.ts'
import { isObjectName, objectPath, OBJECTS } from './paths.ts'
import { PART_SIZE, type S3Bucket, type S3Page } from './s3-bucket.ts'
import { S3Failure } from './s3-failure.ts'
import { createS3Tries, type Patience, type S3Tries } from './s3-tries.ts'

/** What a store in a bucket is made of. */
export interface S3BlobsParts {
  bucket: S3Bucket
  /** Comes before every key; empty or with a slash at its end. */
  prefix: string
  /** How long a link to a blob is good, in seconds, or null when clients are not sent to the store. */
  redirectSeconds: number | null
  /** Receives what is not stored yet; only its staging is used. */
  staging: DiskBlobs
  clock: Clock
  random: Random
  log: Logger
  /** The first pause between two tries in milliseconds; tests have less patience. */
  firstPause?: number
}

const SECOND = 1_000
/** Somebody waits for these. */
const QUICK: Patience = { tries: 3, timeout: 5 * SECOND, total: 10 * SECOND }
const READ: Patience = { tries: 4, timeout: 30 * SECOND, total: 90 * SECOND }
const WRITE: Patience = { tries: 4, timeout: 60 * SECOND, total: 180 * SECOND }
const CHECK: Patience = { tries: 1, timeout: 3 * SECOND, total: 3 * SECOND }
/** How long what was found there is not asked for again. */
const KNOWN_FOR = 60 * SECOND
const MOST_KNOWN = 20_000
/** A problem or its absence is news for this long. */
const HEALTH_AGE = 15 * SECOND
/** Of a date in a header, which has whole seconds. */
const DATE_PRECISION = SECOND - 1

/** Blobs in a bucket. Nothing is asked of it before the first use. */
export function createS3Blobs(parts: S3BlobsParts): BlobStore {
  const { bucket, prefix, clock } = parts
  const tries = createS3Tries(parts)
  const known = createKnown(clock)
  const keyOf = (sha256: string) => `${prefix}${objectPath(sha256).path}`

  const find = (sha256: string) => {
    const key = keyOf(sha256)
    return tries.run(QUICK, (timeout) => bucket.stat(key, timeout))
  }
  const readRange: RangeReader = (sha256, range) => tries.run(READ, (timeout) => bucket.read(keyOf(sha256), range, timeout))

  const stage = (content: AsyncIterable<Uint8Array>) => stageUpload(parts, { tries, known, keyOf }, content)

  return {
    stage,
    async put(content) {
      const staged = await stage(content)
      await staged.keep()
      return { sha256: staged.sha256, sha1: staged.sha1, size: staged.size }
    },
    async locate(sha256) {
      const key = keyOf(sha256)
      const size = known.find(sha256) ?? (await find(sha256))?.size ?? null
      if (size === null) {
        return null
      }
      known.add(sha256, size)
      const read = createReader(readRange, { sha256, size })
      const seconds = parts.redirectSeconds
      return seconds === null
        ? { kind: 'remote', size, read }
        : { kind: 'url', size, read, link: (presentation) => bucket.link(key, seconds, presentation) }
    },
    async verify(sha256) {
      known.forget(sha256)
      const found = await find(sha256)
      const digest = found === null ? null : await hash(readRange, { sha256, size: found.size })
      if (digest === null) {
        return 'missing'
      }
      return digest === sha256 ? 'intact' : 'damaged'
    },
    async remove(sha256, storedBefore) {
      const key = keyOf(sha256)
      if (storedBefore !== undefined) {
        const found = await find(sha256)
        if (found === null || found.modifiedAt + DATE_PRECISION >= storedBefore) {
          return
        }
      }
      known.forget(sha256)
      await tries.run(QUICK, (timeout) => bucket.remove(key, timeout))
    },
    list: () => listBlobs(parts, tries),
    sweep: () => parts.staging.sweep(),
    findProblem: () => findProblem(parts, tries),
  }
}

interface Staging {
  tries: S3Tries
  known: ReturnType<typeof createKnown>
  keyOf: (sha256: string) => string
}

async function stageUpload(
  { bucket, staging }: S3BlobsParts,
  { tries, known, keyOf }: Staging,
  content: AsyncIterable<Uint8Array>,
): Promise<StagedBlob> {
  const staged = await staging.stage(content)
  return keepIn(staged, async () => {
    await upload({ bucket, tries, key: keyOf(staged.sha256), staged })
    // What was there before may have been damaged, and of another size.
    known.forget(staged.sha256)
    known.add(staged.sha256, staged.size)
  })
}

type RangeReader = (sha256: string, range: { position: number; length: number }) => Promise<Uint8Array | null>

interface SizedBlob {
  sha256: string
  size: number
}

function createReader(readRange: RangeReader, { sha256, size }: SizedBlob): BlobReader {
  return async (position, length) => {
    const wanted = Math.max(0, Math.min(length, size - position))
    const bytes = wanted === 0 ? new Uint8Array() : await readRange(sha256, { position, length: wanted })
    if (bytes === null) {
      throw new DomainError('storage_unavailable', { problem: 'an object vanished while it was read' })
    }
    return bytes
  }
}

/** Objects that were there a moment ago, with their sizes. */
function createKnown(clock: Clock) {
  const entries = new Map<string, { size: number; until: number }>()
  return {
    find(sha256: string): number | null {
      const entry = entries.get(sha256)
      return entry !== undefined && clock.now() < entry.until ? entry.size : null
    },
    /** What is known already does not become younger by being used. */
    add(sha256: string, size: number): void {
      if (this.find(sha256) !== null) {
        return
      }
      if (entries.size >= MOST_KNOWN) {
        entries.clear()
      }
      entries.set(sha256, { size, until: clock.now() + KNOWN_FOR })
    },
    forget(sha256: string): void {
      entries.delete(sha256)
    },
  }
}

/** A staged blob whose bytes go elsewhere when it is kept. Failing to keep it removes it. */
function keepIn(staged: StagedBlob, store: () => Promise<void>): StagedBlob {
  let isOpen = true
  return {
    sha256: staged.sha256,
    sha1: staged.sha1,
    size: staged.size,
    read: (position, length) => staged.read(position, length),
    async keep() {
      if (!isOpen) {
        return
      }
      isOpen = false
      try {
        await store()
      } finally {
        await staged.discard()
      }
    },
    async discard() {
      isOpen = false
      await staged.discard()
    },
  }
}

interface Upload {
  bucket: S3Bucket
  tries: S3Tries
  key: string
  staged: StagedBlob
}

async function upload({ bucket, tries, key, staged }: Upload): Promise<void> {
  const { size } = staged
  await tries.run(WRITE, async (timeout) => {
    if (size <= PART_SIZE) {
      await bucket.write(key, await staged.read(0, size), timeout)
    } else {
      await bucket.writeParts(key, readParts(staged), timeout)
    }
    await requireStored({ bucket, key, size })
  })
}

/** A short look for what may take a moment to appear; then it is uploaded again. */
async function requireStored({ bucket, key, size }: { bucket: S3Bucket; key: string; size: number }): Promise<void> {
  for (const pause of [0, 100, 400]) {
    await Bun.sleep(pause)
    const found = await bucket.stat(key, QUICK.timeout)
    if (found !== null && found.size === size) {
      return
    }
  }
  throw new S3Failure('NotStored', true)
}

async function* readParts(staged: StagedBlob): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; position < staged.size; position += PART_SIZE) {
    yield await staged.read(position, PART_SIZE)
  }
}

/** Null when the object vanishes. */
async function hash(readRange: RangeReader, { sha256, size }: SizedBlob): Promise<string | null> {
  const digest = createHash('sha256')
  for (let position = 0; position < size; position += PART_SIZE) {
    const bytes = await readRange(sha256, { position, length: Math.min(PART_SIZE, size - position) })
    if (bytes === null) {
      return null
    }
    digest.update(bytes)
  }
  return digest.digest('hex')
}

async function* listBlobs(
  { bucket, prefix }: S3BlobsParts,
  tries: S3Tries,
): AsyncGenerator<{ sha256: string; storedAt: number }, void, undefined> {
  let after: string | null = null
  do {
    const from: string | null = after
    const page: S3Page = await tries.run(READ, (timeout) => bucket.list(`${prefix}${OBJECTS}/`, from, timeout))
    for (const { key, modifiedAt } of page.objects) {
      const sha256 = key.slice(-64)
      // A key that is not where its blob would be is not the store's.
      if (isObjectName(sha256) && key === `${prefix}${objectPath(sha256).path}`) {
        yield { sha256, storedAt: modifiedAt }
      }
    }
    after = page.next
  } while (after !== null)
}

/** What was done lately says how the store is; else it is asked. */
async function findProblem({ bucket, prefix, clock }: S3BlobsParts, tries: S3Tries): Promise<string | null> {
  const { problem, at } = tries.state()
  if (problem === null && clock.now() - at < HEALTH_AGE) {
    return null
  }
  try {
    await tries.run(CHECK, (timeout) => bucket.stat(`${prefix}${OBJECTS}/none`, timeout))
    return null
  } catch (error) {
    return isDomainError(error) ? String(error.details['problem']) : Promise.reject(error)
  }
}
