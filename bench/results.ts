/** Samples, what they are compared with, and what is asked of them. */

/** What the design asks of the median. */
export type Goal = { kind: 'ratio_at_least' | 'ratio_at_most' | 'at_most'; value: number }

/** One row of the report. With a reference, samples of the same index were taken one after the other. */
export interface Result {
  group: string
  name: string
  unit: 'requests/s' | 'ms' | 'MB'
  ours: number[]
  reference: { name: string; samples: number[] } | null
  /** Processor time of the server per request in microseconds; unlike rates it hardly depends on what else the machine does. */
  cost: { ours: number[]; reference: number[] } | null
  goal: Goal | null
  /** What a reader must know to read the row. */
  note: string | null
}

/** The smallest, the middle and the largest of some samples. */
export interface Spread {
  min: number
  median: number
  max: number
}

/** The spread of samples; there must be one. */
export function toSpread(samples: readonly number[]): Spread {
  const sorted = samples.toSorted((left, right) => left - right)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const middle = Math.floor((sorted.length - 1) / 2)
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle) + at(middle + 1)) / 2
  return { min: at(0), median, max: at(sorted.length - 1) }
}

/** The spread of ours ÷ reference, pair by pair, or null without a reference. */
export function ratioSpread({ ours, reference }: Result): Spread | null {
  return reference === null ? null : toSpread(ours.map((value, index) => value / (reference.samples[index] ?? Number.NaN)))
}

/** Whether the median meets the goal; null when nothing was asked. */
export function isMet(result: Result): boolean | null {
  const { goal } = result
  switch (goal?.kind) {
    case undefined:
      return null
    case 'at_most':
      return toSpread(result.ours).median <= goal.value
    case 'ratio_at_least':
      return (ratioSpread(result)?.median ?? Number.NaN) >= goal.value
    case 'ratio_at_most':
      return (ratioSpread(result)?.median ?? Number.NaN) <= goal.value
  }
}

/** Takes `rounds` samples of each side in turns, so that a machine that changes its speed changes it for both. */
export async function alternate<Sample>(
  rounds: number,
  sides: { reference: () => Promise<Sample>; ours: () => Promise<Sample> },
): Promise<{ ours: Sample[]; reference: Sample[] }> {
  const samples: { ours: Sample[]; reference: Sample[] } = { ours: [], reference: [] }
  for (let round = 0; round < rounds; round += 1) {
    samples.reference.push(await sides.reference())
    samples.ours.push(await sides.ours())
  }
  return samples
}
