import type { Random } from '../../core/kernel/ports.ts'
import type { Instant } from '../../core/kernel/values.ts'

const LARGEST_COUNTER = 0xfff

/**
 * Makes UUIDv7 texts (RFC 9562) that only ascend within one process: within a millisecond, and also when the given time is
 * earlier than before, because a call's time is fixed while others go on and clocks are set back. The 12 bits after the time
 * count (method 1 of section 6.2), starting in the lower half; 62 bits are random.
 */
export function createUuidv7(random: Random): (now: Instant) => string {
  let time = -1
  let counter = 0

  return function uuidv7(now) {
    const bytes = random.bytes(10)
    if (now > time) {
      time = now
      counter = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) & (LARGEST_COUNTER >> 1)
    } else if (++counter > LARGEST_COUNTER) {
      time++
      counter = 0
    }
    const tail = Buffer.from(bytes.subarray(2)).toString('hex')
    const variant = (0x8 | (Number.parseInt(tail.slice(0, 1), 16) & 0x3)).toString(16)
    const stamp = Math.floor(time).toString(16).padStart(12, '0')
    return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${variant}${tail.slice(1, 4)}-${tail.slice(4)}`
  }
}
