/** Longer keys are computed anew each time, so that hostile input cannot make the tables large. */
const MAX_REMEMBERED_LENGTH = 200

/** Wraps a pure function of one string so that its most recently computed results, at most `limit`, are kept. */
export function remember<Result>(limit: number, compute: (text: string) => Result): (text: string) => Result {
  const results = new Map<string, Result>()
  return function lookUp(text) {
    const known = results.get(text)
    if (known !== undefined) return known
    const result = compute(text)
    if (text.length > MAX_REMEMBERED_LENGTH) return result
    if (results.size >= limit) {
      const oldest = results.keys().next()
      if (!oldest.done) results.delete(oldest.value)
    }
    results.set(text, result)
    return result
  }
}
