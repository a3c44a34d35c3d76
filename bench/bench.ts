import type { Options } from './options.ts'
import type { Result } from './results.ts'

/** What every group of measurements gets. */
export interface Bench {
  options: Options
  /** A new empty folder below the run's temporary folder. */
  folder(name: string): Promise<string>
  /** Tells whoever waits what happens now. */
  say(line: string): void
}

/** A group of measurements that share their preparation. */
export interface Group {
  name: string
  run(bench: Bench): Promise<Result[]>
}
