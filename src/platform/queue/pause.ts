/** A sleep of one loop that others can end. A wake-up that comes between two sleeps ends the next one at once. */
export class Pause {
  #isWoken = false
  #resume: (() => void) | null = null

  /** Sleeps for that many milliseconds or until `end` is called. */
  async begin(duration: number): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, duration))
        this.#resume = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#resume = null
    this.#isWoken = false
  }

  /** Ends the sleep, or the next one if none is under way. */
  end(): void {
    this.#isWoken = true
    this.#resume?.()
  }
}

/** Waits for `ending`, at most that many milliseconds. */
export async function within(duration: number, ending: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, duration)
  await Promise.race([ending, promise])
  clearTimeout(timer)
}
