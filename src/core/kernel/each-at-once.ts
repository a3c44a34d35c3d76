/**
 * Does `work` for each of the items, at most `limit` at a time and begun in their order. When one fails no more are begun, and its error is thrown once
 * those that run have ended.
 */
export async function eachAtOnce<Item>(items: Iterable<Item>, limit: number, work: (item: Item) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]()
  const failures: unknown[] = []
  async function goOn(): Promise<void> {
    for (let next = left.next(); next.done !== true && failures.length === 0; next = left.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: limit }, goOn))
  if (failures.length > 0) {
    throw failures[0]
  }
}
