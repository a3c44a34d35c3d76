import ipaddr from 'ipaddr.js'
import type { Actor } from '../kernel/actor.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'

const MAX_NETWORKS = 100

/**
 * Addresses and networks (CIDR, IPv4 or IPv6) in their canonical form. Null and the empty list mean everywhere. Throws `invalid_input`.
 */
export function parseAddresses(texts: readonly string[] | null): string[] | null {
  if (texts === null || texts.length === 0) {
    return null
  }
  if (texts.length > MAX_NETWORKS) {
    throw invalidInput('addresses', `give at most ${MAX_NETWORKS} addresses or networks`)
  }
  return [...new Set(texts.map((text) => toNetwork(text.trim())))]
}

function toNetwork(text: string): string {
  const [address = '', length, ...rest] = text.split('/')
  if (!isPlainAddress(address) || rest.length > 0 || (length !== undefined && !ipaddr.isValidCIDR(text))) {
    throw invalidInput('addresses', `"${text}" is not an address or network such as 192.0.2.0/24`)
  }
  return length === undefined ? ipaddr.process(address).toString() : `${ipaddr.parse(address).toString()}/${Number(length)}`
}

/** Without a zone, and without the short and octal forms of IPv4, which are read differently elsewhere. */
function isPlainAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'))
}

/** Whether an address lies in one of the networks; null networks are everywhere. An unknown address lies in none. */
export function isAllowedAddress(networks: readonly string[] | null, address: string | null): boolean {
  if (networks === null) {
    return true
  }
  if (address === null || !ipaddr.isValid(address)) {
    return false
  }
  const client = ipaddr.process(address)
  return networks.some((network) => {
    if (!network.includes('/')) {
      return ipaddr.process(network).toString() === client.toString()
    }
    const [base, length] = ipaddr.parseCIDR(network)
    return base.kind() === client.kind() && client.match(base, length)
  })
}

/** Throws `address_refused` when a token is used from an address that it is not for. */
export function requireAllowedAddress(actor: Actor, address: string | null): void {
  if (actor.kind === 'token' && !isAllowedAddress(actor.addresses, address)) {
    throw new DomainError('address_refused', { address: address ?? 'unknown' })
  }
}
