/** What processes of an installation agree on over the database. */
import type { Ports } from '../../src/app.ts'
import { createUpstreams } from '../../src/platform/http/upstreams.ts'
import { createAttempts } from '../../src/platform/limits/attempts.ts'
import { createSharedLimiter } from '../../src/platform/limits/shared-limiter.ts'

/** The defaults of the configuration. */
export const TEST_RATE_LIMITS = {
  api: { limit: 1000, window: 60_000 },
  downloads: { limit: 100, window: 60_000 },
  composer: null,
  failures: { limit: 300, window: 60_000 },
}

export function openSharedState(over: Pick<Ports, 'clock' | 'database'>): Pick<Ports, 'limiter' | 'attempts' | 'upstreams'> {
  return {
    limiter: createSharedLimiter({ ...over, rules: TEST_RATE_LIMITS }),
    attempts: createAttempts(over),
    upstreams: createUpstreams(over),
  }
}
