import type { Http } from '../../core/kernel/ports.ts'
import type { Egress } from './egress.ts'
import { guardedFetch } from './guarded-fetch.ts'
import { createKeepAlive } from './keep-alive.ts'

/**
 * The port for outgoing http over the guard; see `Http`. Head and body together are given up at the end of `duration`. Connections are kept for
 * some seconds and used again by requests that may be repeated.
 */
export function createHttp(egress: Egress): Http {
  const keepAlive = createKeepAlive()
  return {
    fetch({ url, duration, stall, ...request }) {
      // Silence alone is not enough: a host could send one byte of its headers now and then.
      const signal = AbortSignal.timeout(duration)
      return guardedFetch(egress, url, { ...request, stall: Math.min(stall, duration), signal, keepAlive })
    },
    async requireAllowed(url) {
      await egress.resolveAllowed(new URL(url).hostname.replace(/^\[|\]$/g, ''))
    },
  }
}
