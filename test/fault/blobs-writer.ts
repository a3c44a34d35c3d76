/**
 * A process that puts blobs, for the tests beside it to starve and to kill. `fill <root>` puts a small and a large blob and
 * prints what became of them; `loop <root>` puts blobs for ever and prints the name of each one that was acknowledged.
 */
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isDomainError } from '../../src/core/kernel/errors.ts'
import { createDiskBlobs } from '../../src/platform/blobs/disk.ts'
import { systemClock } from '../../src/platform/clock/system-clock.ts'
import { createLogger } from '../../src/platform/log/logger.ts'
import { createRedactionRegistry } from '../../src/platform/log/redaction.ts'

const [command, root] = process.argv.slice(2)
if (root === undefined) throw new Error('usage: blobs-writer.ts fill|loop <root>')

const log = createLogger({
  level: 'error',
  format: 'json',
  write: (line) => process.stderr.write(line),
  clock: systemClock,
  redactions: createRedactionRegistry(),
})
const blobs = createDiskBlobs({ root, clock: systemClock, log })

if (command === 'fill') await fill(root)
else await loop()

async function fill(store: string): Promise<void> {
  const small = await blobs.put(pieces(new Uint8Array(64 * 1024), 4096))
  const failure = await blobs.put(pieces(randomBytes(4 * 1024 * 1024), 64 * 1024)).then(
    () => null,
    (error: unknown) => error,
  )
  const listed = await Array.fromAsync(blobs.list())
  const report = {
    code: isDomainError(failure) ? failure.code : String(failure),
    problem: isDomainError(failure) ? failure.details['problem'] : null,
    small: await blobs.verify(small.sha256),
    listed: listed.length,
    temporary: readdirSync(join(store, 'temporary')).length,
    afterwards: await blobs.put(pieces(new Uint8Array(1024), 1024)).then((blob) => blobs.verify(blob.sha256)),
  }
  process.stdout.write(JSON.stringify(report))
}

async function loop(): Promise<void> {
  const repeated = new Uint8Array(512 * 1024).fill(7)
  for (;;) {
    for (const content of [repeated, randomBytes(512 * 1024)]) {
      const { sha256 } = await blobs.put(pieces(content, 16 * 1024))
      process.stdout.write(`${sha256}\n`)
    }
  }
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
}
