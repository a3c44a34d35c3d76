import ipaddr from 'ipaddr.js'

/**
 * What counts as one sender: an IPv4 address, or the /64 network of an IPv6 address, because whoever has one has all of it. Texts that are
 * no address count together.
 */
export function addressGroup(address: string | null): string {
  if (address === null || !ipaddr.isValid(address)) {
    return 'unknown'
  }
  const parsed = ipaddr.process(address)
  if (parsed instanceof ipaddr.IPv6) {
    return `${parsed.parts
      .slice(0, 4)
      .map((part) => part.toString(16))
      .join(':')}::/64`
  }
  return parsed.toString()
}
