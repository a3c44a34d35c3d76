import type { Clock } from '../../core/kernel/ports.ts'

/**
 * The time of day of this machine. It may jump, forwards and back; whatever must only move forward (`modified_at` and with
 * it Last-Modified) is kept so by the database statement that writes it, not here.
 */
export const systemClock: Clock = { now: () => Date.now() }
