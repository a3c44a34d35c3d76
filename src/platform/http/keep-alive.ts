/**
 * Connections that are used again. Each request is judged by the guard anew, and goes out over a kept connection only if that one was opened for the same
 * origin under the same judged addresses: a name that leads elsewhere meanwhile, or an address that is closed now, is not reached by an old connection.
 */
import http from 'node:http'
import https from 'node:https'

/** A request that needs a connection. */
export interface KeptTarget {
  origin: string
  /** Where the request may be sent, and nowhere else. */
  addresses: readonly string[]
  /** Documents do not wait for connections that large files keep busy. */
  lane: 'documents' | 'files'
}

/** Agents by origin, judged addresses and lane. */
export interface KeepAlive {
  agentFor(target: KeptTarget): http.Agent
}

/** Connections to one origin and lane at a time; further requests wait for one. */
const MOST_SOCKETS = 48
const MOST_IDLE_SOCKETS = 16
/** Below what servers usually keep connections for, in milliseconds. */
const IDLE = 15_000
const MOST_AGENTS = 100

/** Makes an empty pool. Connections without use end by themselves, also those of agents that the pool gave up, and keep no process alive. */
export function createKeepAlive(): KeepAlive {
  const agents = new Map<string, http.Agent>()
  return {
    agentFor({ origin, addresses, lane }) {
      const key = `${lane} ${origin} ${addresses.toSorted().join(' ')}`
      const options = { keepAlive: true, maxSockets: MOST_SOCKETS, maxFreeSockets: MOST_IDLE_SOCKETS, timeout: IDLE }
      const agent = agents.get(key) ?? (origin.startsWith('https:') ? new https.Agent(options) : new http.Agent(options))
      agents.delete(key)
      agents.set(key, agent)
      const [oldest] = agents.keys()
      if (agents.size > MOST_AGENTS && oldest !== undefined) agents.delete(oldest)
      return agent
    },
  }
}
