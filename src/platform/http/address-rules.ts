import ipaddr from 'ipaddr.js'

/** Why an address may not be dialled: the name of its range, such as `loopback`, `private`, `linkLocal`. */
export type AddressRule = string

type Address = ipaddr.IPv4 | ipaddr.IPv6

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')
/** Ranges that stay closed when a host is opened by name: whoever answers for the name must not reach these. */
const CLOSED_FOR_NAMES = new Set(['unspecified', 'broadcast', 'multicast', 'linkLocal', 'reserved', 'invalid'])

/** What the operator opened beside the public Internet: hosts by name, single addresses and CIDR blocks. */
export interface OpenedDestinations {
  names: ReadonlySet<string>
  blocks: readonly [Address, number][]
}

/**
 * Reads the operator's list. `git.example` opens that name only, `*.example` every name below it,
 * `10.1.0.0/16` and `::1` open addresses under any name. Throws an `Error` that quotes what cannot be read.
 */
export function parseOpenedDestinations(entries: readonly string[]): OpenedDestinations {
  const names = new Set<string>()
  const blocks: [Address, number][] = []
  for (const entry of entries) {
    const text = entry.trim().toLowerCase()
    if (ipaddr.isValidCIDR(text)) blocks.push(ipaddr.parseCIDR(text))
    else if (ipaddr.isValid(text)) blocks.push(wholeAddress(ipaddr.parse(text)))
    else if (/^(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(text)) names.add(text)
    else throw new Error(`"${entry}" is no host name, address or CIDR block`)
  }
  return { names, blocks }
}

function wholeAddress(address: Address): [Address, number] {
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/**
 * The rule that forbids to dial `address` for `host`, or null. Public unicast is open; IPv4 inside IPv6
 * (mapped, NAT64) is judged by the IPv4 address; everything else is closed unless the operator opened it.
 */
export function findAddressRule(host: string, address: string, opened: OpenedDestinations): AddressRule | null {
  if (!ipaddr.isValid(address) || address.includes('%')) return 'invalid'
  const parsed = unwrap(ipaddr.parse(toHexadecimal(address)))
  const range = rangeOf(parsed)
  if (range === 'unicast') return null
  if (opened.blocks.some(([block, bits]) => block.kind() === parsed.kind() && parsed.match(block, bits))) return null
  if (isNameOpened(host.toLowerCase(), opened.names) && !CLOSED_FOR_NAMES.has(range)) return null
  return range
}

/** The library reads `::1.2.3.4` as mapped, the system does not; without dots there is one reading. */
function toHexadecimal(address: string): string {
  return address.includes(':') ? (URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? address) : address
}

function unwrap(address: Address): Address {
  if (address.kind() === 'ipv4') return address
  const bytes = address.toByteArray()
  const range = address.range()
  const isEmbedding = range === 'ipv4Mapped' || (range === 'rfc6052' && bytes.slice(4, 12).every((byte) => byte === 0))
  return isEmbedding ? ipaddr.fromByteArray(bytes.slice(12)) : address
}

function rangeOf(address: Address): AddressRule {
  const range = address.range()
  if (address.kind() === 'ipv4' || range !== 'unicast') return range
  // Old forms such as IPv4-compatible (::/96) and site-local (fec0::/10) count as unicast but are not public.
  return (address as ipaddr.IPv6).match(GLOBAL_UNICAST) ? 'unicast' : 'reserved'
}

function isNameOpened(host: string, names: ReadonlySet<string>): boolean {
  if (names.has(host)) return true
  let dot = host.indexOf('.')
  while (dot >= 0) {
    if (names.has(`*${host.slice(dot)}`)) return true
    dot = host.indexOf('.', dot + 1)
  }
  return false
}
