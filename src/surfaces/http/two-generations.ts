/**
 * A bounded memory of values by key. Values live in two generations: when the young one is full it becomes the old one, and
 * what the old one still held is forgotten; a hit in the old one moves the value to the young. So a value that is in use stays, and
 * looking one up costs a map access. Bounded by the number of values and by the sum of their sizes and of the lengths of their keys, per
 * generation.
 */
export class TwoGenerations<Value> {
  readonly #limit: { count: number; bytes: number }
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()
  #bytes = 0
  #oldBytes = 0
  readonly #sizeOf: (value: Value) => number

  constructor(limit: { count: number; bytes: number }, sizeOf: (value: Value) => number) {
    this.#limit = limit
    this.#sizeOf = sizeOf
  }

  /** The value, or undefined when it was never put or is forgotten. */
  find(key: string): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) {
      return young
    }
    const old = this.#old.get(key)
    if (old !== undefined) {
      this.put(key, old)
    }
    return old
  }

  /** Puts or replaces a value. One that is larger than a generation is not kept. */
  put(key: string, value: Value): void {
    const size = key.length + this.#sizeOf(value)
    if (size > this.#limit.bytes) {
      return
    }
    const replaced = this.#young.get(key)
    if (replaced !== undefined) {
      this.#bytes -= key.length + this.#sizeOf(replaced)
    }
    if (this.#young.size >= this.#limit.count || this.#bytes + size > this.#limit.bytes) {
      this.#old = this.#young
      this.#oldBytes = this.#bytes
      this.#young = new Map()
      this.#bytes = 0
    }
    this.#young.set(key, value)
    this.#bytes += size
  }

  /** Forgets everything. */
  clear(): void {
    this.#young = new Map()
    this.#old = new Map()
    this.#bytes = 0
    this.#oldBytes = 0
  }

  /** How many bytes both generations hold at most. */
  get bytes(): number {
    return this.#bytes + this.#oldBytes
  }
}
