import { MAX_PAGE, type Page, type Paged } from '../core/kernel/paging.ts'

/** The first `limit` items of a list, or all of them, page by page. */
export async function readAll<Item>(limit: number | undefined, fetch: (page: Page) => Promise<Paged<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let after: number | null = null
  do {
    const wanted = limit === undefined ? MAX_PAGE : Math.min(MAX_PAGE, limit - items.length)
    const page: Paged<Item> = await fetch({ limit: wanted, after })
    items.push(...page.items)
    after = page.next
  } while (after !== null && (limit === undefined || items.length < limit))
  return items
}
