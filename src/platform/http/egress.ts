import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { DomainError } from '../../core/kernel/errors.ts'
import { findAddressRule, parseOpenedDestinations } from './address-rules.ts'

/**
 * The guard for outgoing connections. A name is resolved once, every resolved address is judged, and
 * exactly a judged address is dialled: a name that resolves differently a moment later cannot change the target.
 */
export interface Egress {
  /**
   * The addresses of `host` that may be dialled, never empty. Throws `egress_blocked` when all of them are closed and
   * `source_unreachable` when there are none.
   */
  resolveAllowed(host: string): Promise<string[]>
  /** A connection to the first allowed address that answers. Throws like `resolveAllowed`, and `source_unreachable`. */
  connect(host: string, port: number): Promise<Socket>
}

/** What the guard needs: the operator's list (see `parseOpenedDestinations`) and, for tests, another resolver. */
export interface EgressPolicy {
  allow: readonly string[]
  resolve?: (host: string) => Promise<string[]>
}

const CONNECT_TIMEOUT = 10_000
const MOST_ADDRESSES = 4

/** Builds the guard. Throws an `Error` when the operator's list cannot be read. */
export function createEgress(policy: EgressPolicy): Egress {
  const opened = parseOpenedDestinations(policy.allow)
  const resolve = shareWhilePending(policy.resolve ?? resolveBySystem)

  async function resolveAllowed(host: string): Promise<string[]> {
    const addresses = isIP(host) === 0 ? await resolve(host) : [host]
    if (addresses.length === 0) throw new DomainError('source_unreachable', { problem: `the name ${host} has no address` })
    const allowed: string[] = []
    let rule = ''
    for (const address of addresses) {
      const refusal = findAddressRule(host, address, opened)
      if (refusal === null) allowed.push(address)
      else rule = refusal
    }
    if (allowed.length === 0) throw new DomainError('egress_blocked', { host, rule })
    return allowed.slice(0, MOST_ADDRESSES)
  }

  async function connectAllowed(host: string, port: number): Promise<Socket> {
    let failure: unknown
    for (const address of await resolveAllowed(host)) {
      try {
        return await dial(address, port)
      } catch (error) {
        failure = error
      }
    }
    throw new DomainError(
      'source_unreachable',
      { problem: `no connection to ${host} port ${port}: ${describe(failure)}` },
      failure,
    )
  }

  return { resolveAllowed, connect: connectAllowed }
}

/** Many requests to one host begin at once; they wait for one answer of the resolver, which is as new as any of them needs. */
function shareWhilePending(resolve: (host: string) => Promise<string[]>): (host: string) => Promise<string[]> {
  const pending = new Map<string, Promise<string[]>>()
  return (host) => {
    const known = pending.get(host)
    if (known !== undefined) return known
    const call = resolve(host).finally(() => pending.delete(host))
    pending.set(host, call)
    return call
  }
}

async function resolveBySystem(host: string): Promise<string[]> {
  try {
    const found = await lookup(host, { all: true, verbatim: true })
    return found.map((entry) => entry.address)
  } catch (error) {
    throw new DomainError('source_unreachable', { problem: `the name ${host} could not be resolved` }, error)
  }
}

function dial(address: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port })
    const timer = setTimeout(() => socket.destroy(new Error('it did not answer in time')), CONNECT_TIMEOUT)
    socket.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function describe(failure: unknown): string {
  const code = (failure as { code?: unknown } | null)?.code
  if (code === 'ECONNREFUSED') return 'refused'
  if (typeof code === 'string') return code
  return failure instanceof Error ? failure.message : 'failed'
}
