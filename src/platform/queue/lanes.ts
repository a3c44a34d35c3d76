/** How many jobs of each lane may run at once; interactive ones may also take background slots. */
export interface LaneSizes {
  interactive: number
  background: number
}

/** Counts the slots in use. Background jobs never take an interactive slot, so somebody who waits is not behind them. */
export class LaneSlots {
  readonly #sizes: LaneSizes
  readonly #used: LaneSizes = { interactive: 0, background: 0 }

  constructor(sizes: LaneSizes) {
    this.#sizes = sizes
  }

  /** Whether one more job of the lane may start. */
  isFree(lane: keyof LaneSizes): boolean {
    const isRoomLeft = this.#used.interactive + this.#used.background < this.#sizes.interactive + this.#sizes.background
    return isRoomLeft && (lane === 'interactive' || this.#used.background < this.#sizes.background)
  }

  /** Counts a job that starts. */
  take(lane: keyof LaneSizes): void {
    this.#used[lane] += 1
  }

  /** Counts a job that ended. */
  give(lane: keyof LaneSizes): void {
    this.#used[lane] -= 1
  }
}
