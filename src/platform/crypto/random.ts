import { createHash, randomBytes } from 'node:crypto'
import type { Random } from '../../core/kernel/ports.ts'

/** Unpredictable bytes from the operating system. */
export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) }

/** Bytes that look random and are the same for the same seed. For tests only: whoever knows the seed knows them all. */
export function createSeededRandom(seed: number | string): Random {
  let block = 0
  let rest: Buffer = Buffer.alloc(0)
  return {
    bytes(count) {
      const parts = [rest]
      for (let size = rest.length; size < count; size += 32) {
        parts.push(createHash('sha256').update(`${seed}:${block++}`).digest())
      }
      const all = Buffer.concat(parts)
      rest = all.subarray(count)
      return new Uint8Array(all.subarray(0, count))
    },
  }
}
