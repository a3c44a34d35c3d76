import { createHash } from 'node:crypto'
import { FULL_VIEW } from './audience.ts'

/** About 34 years, in seconds: wide enough that two views of one repository hardly ever get the same distance. */
const SPREAD = 2 ** 30

/**
 * The time, in seconds, that clients compare a view of something by. Composer keeps one cached copy per repository
 * URL, whatever token fetched it, and asks with that copy's time. Views of different audiences must therefore
 * never share a time, or one would be confirmed as the other: each limited view lies a fixed distance in the past, drawn from
 * its patterns. Within one view the time grows exactly as that of the thing itself (CO-041, CO-048).
 */
export function viewModifiedAt(modifiedAt: number, view: string): number {
  if (view === FULL_VIEW) {
    return modifiedAt
  }
  const distance = createHash('sha256').update(view).digest().readUInt32BE(0) % SPREAD
  return modifiedAt - 1 - distance
}
