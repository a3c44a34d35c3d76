/** Every pair is looked at before it is measured: two different answers cannot be compared. */
import type { Target } from './wrk.ts'

/** An answer with its body as it came over the wire. */
export interface Received {
  status: number
  bytes: Uint8Array
  lastModified: Date
  headers: Headers
}

/** Asks once, without undoing the content coding. */
export async function receive({ url, headers }: Target): Promise<Received> {
  const response = await fetch(url, { headers: { ...headers }, decompress: false, redirect: 'manual' })
  const bytes = await response.bytes()
  return {
    status: response.status,
    bytes,
    lastModified: new Date(response.headers.get('last-modified') ?? 0),
    headers: response.headers,
  }
}

/** Throws unless both answer with this status and bodies of about the same length, and ours refuses a client without a token. */
export async function requireSame(pair: { ours: Target; reference: Target; status: number; tolerance?: number }): Promise<void> {
  const [ours, reference] = [await receive(pair.ours), await receive(pair.reference)]
  if (ours.status !== pair.status || reference.status !== pair.status) {
    throw new Error(
      `${pair.ours.url} gave ${ours.status}, ${pair.reference.url} gave ${reference.status}, expected ${pair.status}.`,
    )
  }
  if (Math.abs(ours.bytes.length - reference.bytes.length) > (pair.tolerance ?? 0) * reference.bytes.length) {
    throw new Error(`${pair.ours.url} gave ${ours.bytes.length} bytes, the reference gave ${reference.bytes.length}.`)
  }
  const { Authorization: _, ...anonymous } = pair.ours.headers
  const refused = await receive({ url: pair.ours.url, headers: anonymous })
  if (refused.status !== 401) {
    throw new Error(`${pair.ours.url} gave ${refused.status} to a client without a token, expected 401.`)
  }
}
