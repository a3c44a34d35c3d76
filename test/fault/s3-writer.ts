/**
 * A process that stores blobs in a bucket, for the tests beside it. `loop` stores small and large ones for ever and prints the name of each that
 * was acknowledged; `large` stores one of 200 MiB, reads it twice, and prints by how many MiB the memory grew at most.
 */
import { randomBytes } from 'node:crypto'
import { createDiskBlobs } from '../../src/platform/blobs/disk.ts'
import { createS3Blobs } from '../../src/platform/blobs/s3.ts'
import { openS3Bucket, PART_SIZE } from '../../src/platform/blobs/s3-bucket.ts'
import { systemClock } from '../../src/platform/clock/system-clock.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { createLogger } from '../../src/platform/log/logger.ts'
import { createRedactionRegistry } from '../../src/platform/log/redaction.ts'
import { streamRemote } from '../../src/surfaces/repository/remote-body.ts'

const MiB = 1024 * 1024
const [command, place = '{}', root = ''] = process.argv.slice(2)
const log = createLogger({
  level: 'warn',
  format: 'json',
  write: (line) => process.stderr.write(line),
  clock: systemClock,
  redactions: createRedactionRegistry(),
})
const blobs = createS3Blobs({
  bucket: openS3Bucket(JSON.parse(place) as Parameters<typeof openS3Bucket>[0]),
  prefix: '',
  redirectSeconds: null,
  staging: createDiskBlobs({ root, clock: systemClock, log }),
  clock: systemClock,
  random: systemRandom,
  log,
})

if (command === 'loop') await loop()
else process.stdout.write(JSON.stringify(await storeLarge()))
process.exit(0)

async function loop(): Promise<void> {
  for (let count = 0; ; count += 1) {
    const size = count % 3 === 2 ? PART_SIZE + 3 * MiB : 200_000
    const { sha256 } = await blobs.put(pieces(randomBytes(size), 64 * 1024))
    process.stdout.write(`${sha256}\n`)
  }
}

async function storeLarge(): Promise<{ grown: number; state: string; streamed: string; sha256: string }> {
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 10)
  const { sha256 } = await blobs.put(repeat(200))
  const state = await blobs.verify(sha256)
  const location = await blobs.locate(sha256)
  const digest = new Bun.SHA256()
  if (location?.kind === 'remote') {
    for await (const chunk of streamRemote(location, { start: 0, end: location.size })) {
      digest.update(chunk)
    }
  }
  clearInterval(watch)
  return { grown: Math.round((most - before) / MiB), state, streamed: digest.digest('hex'), sha256 }
}

async function* repeat(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) yield new Uint8Array(MiB).fill(index)
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
