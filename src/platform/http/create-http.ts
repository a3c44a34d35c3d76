import { DomainError } from '../../core/kernel/errors.ts'
import type { Http } from '../../core/kernel/ports.ts'
import type { Egress } from './egress.ts'
import { guardedFetch } from './guarded-fetch.ts'

/** The port for outgoing http over the guard; see `Http`. Head and body together are given up at the end of `duration`. */
export function createHttp(egress: Egress): Http {
  return {
    async fetch({ url, duration, stall, ...request }) {
      // Silence alone is not enough: a host could send one byte of its headers now and then.
      const signal = AbortSignal.timeout(duration)
      try {
        const answer = await guardedFetch(egress, url, { ...request, stall: Math.min(stall, duration), signal })
        return { ...answer, body: untilEnd(answer.body, signal, answer.url) }
      } catch (error) {
        throw signal.aborted ? tookTooLong(url) : error
      }
    },
    async requireAllowed(url) {
      await egress.resolveAllowed(new URL(url).hostname.replace(/^\[|\]$/g, ''))
    },
  }
}

async function* untilEnd(
  body: AsyncGenerator<Uint8Array, void, undefined>,
  signal: AbortSignal,
  url: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of body) {
      yield chunk
      signal.throwIfAborted()
    }
  } catch (error) {
    throw signal.aborted ? tookTooLong(url) : error
  }
}

function tookTooLong(url: string): DomainError {
  return new DomainError('source_timeout', { problem: `${new URL(url).hostname} took too long` })
}
