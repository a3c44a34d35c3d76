import ipaddr from 'ipaddr.js'

/** Reverse proxies whose forwarding headers are believed. */
export interface TrustedProxies {
  includes(address: string): boolean
}

/** Reads addresses and CIDR ranges. Throws an `Error` that names what cannot be read. */
export function parseTrustedProxies(entries: readonly string[]): TrustedProxies {
  const ranges = entries.map(parseRange)
  return {
    includes(address) {
      if (ranges.length === 0 || !ipaddr.isValid(address)) {
        return false
      }
      const parsed = ipaddr.process(address)
      return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
    },
  }
}

function parseRange(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] {
  if (entry.includes('/') && ipaddr.isValidCIDR(entry)) {
    return ipaddr.parseCIDR(entry)
  }
  // Older spellings of IPv4 such as "10.0.0" mean something else than whoever writes them here expects.
  if (!ipaddr.IPv6.isValid(entry) && !ipaddr.IPv4.isValidFourPartDecimal(entry)) {
    throw new Error(`REPERTOIRE_TRUSTED_PROXIES: "${entry}" is neither an address nor a CIDR range.`)
  }
  const address = ipaddr.process(entry)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** The parts of a request that decide where the client thinks it is talking to. */
export interface Addressed {
  headers: Headers
  /** Of the connection. */
  peer: string
}

/**
 * The address of the client. Behind trusted proxies it is the last entry of `X-Forwarded-For` that no trusted proxy wrote about
 * itself, never simply the first one, which the client chooses (abuse 43).
 */
export function clientAddress({ headers, peer }: Addressed, proxies: TrustedProxies): string {
  if (!proxies.includes(peer)) {
    return peer
  }
  const hops = (headers.get('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim())
  for (const hop of hops.toReversed()) {
    if (ipaddr.isValid(hop) && !proxies.includes(hop)) {
      return ipaddr.process(hop).toString()
    }
  }
  return peer
}

const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i

/**
 * The public base URL without a slash at the end: the configured one, else made of the `Host` header, with
 * `X-Forwarded-Proto` and `X-Forwarded-Host` where a trusted proxy sent them. Null when the host has no acceptable form.
 */
export function readBaseUrl(request: Addressed, configured: string | null, proxies: TrustedProxies): string | null {
  if (configured !== null) {
    return configured
  }
  const isTrusted = proxies.includes(request.peer)
  const host = (isTrusted ? request.headers.get('x-forwarded-host') : null) ?? request.headers.get('host') ?? ''
  const scheme = isTrusted && request.headers.get('x-forwarded-proto') === 'https' ? 'https' : 'http'
  return host.length <= 255 && HOST.test(host) ? `${scheme}://${host.toLowerCase()}` : null
}
