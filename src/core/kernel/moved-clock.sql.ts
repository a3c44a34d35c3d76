import { sql, type RawBuilder } from 'kysely'

/** The columns of a row whose documents clients revalidate. */
interface MovedClock {
  revision: RawBuilder<number>
  modified_at: RawBuilder<number>
}

/**
 * What to set when something changes that clients see: the revision counts on, and the time in seconds becomes `floor` or, where it is
 * there already, one more. So it ends above every earlier one, also within one second and when the wall clock was set back
 * (CO-041).
 */
export function movedClock(floor: number): MovedClock {
  return {
    revision: sql<number>`revision + 1`,
    modified_at: sql<number>`case when modified_at >= ${floor} then modified_at + 1 else ${floor} end`,
  }
}
