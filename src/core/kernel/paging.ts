/** A slice of a list: at most `limit` items after the item whose id is `after`. */
export interface Page {
  limit: number
  after: number | null
}

/** One slice, and the cursor of the next one or null at the end. */
export interface Paged<Item> {
  items: Item[]
  next: number | null
}

/** The largest page that a query returns; larger limits are cut. */
export const MAX_PAGE = 500

/** Cuts a page of `limit + 1` rows, as fetched, into the slice and its cursor. */
export function toPaged<Item extends { id: number }>(rows: Item[], limit: number): Paged<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? last.id : null }
}
