import type { Bench } from './bench.ts'
import { usedMicroseconds } from './processes.ts'
import { alternate, type Goal, type Result } from './results.ts'
import { requireSame } from './verify.ts'
import { runLoad, type Target } from './wrk.ts'

/** Two addresses that answer the same, measured against each other. */
export interface RateCase {
  group: string
  name: string
  ours: Served
  reference: Served
  referenceName: string
  status: number
  connections: number
  goal: Goal | null
  /** By which part the lengths of the two bodies may differ; 0 unless given. */
  tolerance?: number
  note: string | null
}

/** A target with the process that serves it. */
export interface Served extends Target {
  pid: number
}

const WARM_UP_SECONDS = 1

/** Requests per second of both sides in alternating runs, after both were looked at and warmed up. */
export async function measureRates(bench: Bench, rateCase: RateCase): Promise<Result> {
  const { group, name, ours, reference, connections, goal, note } = rateCase
  const { rounds, seconds } = bench.options
  bench.say(`${name}: ${rounds} alternating runs of ${seconds} s.`)
  await requireSame({ ours, reference, status: rateCase.status, tolerance: rateCase.tolerance ?? 0 })
  const measure = (target: Served) => async (): Promise<{ rate: number; cost: number }> => {
    const before = usedMicroseconds(target.pid)
    const { rate, requests } = await runLoad(target, { seconds, connections })
    return { rate, cost: (usedMicroseconds(target.pid) - before) / requests }
  }
  await runLoad(reference, { seconds: WARM_UP_SECONDS, connections })
  await runLoad(ours, { seconds: WARM_UP_SECONDS, connections })
  const samples = await alternate(rounds, { reference: measure(reference), ours: measure(ours) })
  return {
    group,
    name,
    unit: 'requests/s',
    ours: samples.ours.map((one) => one.rate),
    reference: { name: rateCase.referenceName, samples: samples.reference.map((one) => one.rate) },
    cost: { ours: samples.ours.map((one) => one.cost), reference: samples.reference.map((one) => one.cost) },
    goal,
    note,
  }
}
