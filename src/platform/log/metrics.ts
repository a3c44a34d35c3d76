/** The values of a metric's labels, all of them. */
export type Labels<Name extends string> = Readonly<Record<Name, string>>

/** What describes a metric: its name and help in the exposition, and the names of its labels. */
export interface MetricDescription<Name extends string> {
  name: string
  help: string
  labels?: readonly Name[]
}

/** A value that only grows; it starts at 0 with the process. */
export interface Counter<Name extends string> {
  /** Adds `by`, 1 when it is absent. A negative or non-finite number throws. */
  increment(labels: Labels<Name>, by?: number): void
}

/** A value that goes up and down. */
export interface Gauge<Name extends string> {
  set(labels: Labels<Name>, value: number): void
}

/** Counts observations by size, for quantiles. */
export interface Histogram<Name extends string> {
  observe(labels: Labels<Name>, value: number): void
}

/** The metrics of a process. Registering a name twice, or a name or label that the format does not allow, throws. */
export interface Metrics {
  counter<Name extends string = never>(description: MetricDescription<Name>): Counter<Name>
  gauge<Name extends string = never>(description: MetricDescription<Name>): Gauge<Name>
  /** `buckets` are ascending upper bounds; the one for everything is added. */
  histogram<Name extends string = never>(description: MetricDescription<Name> & { buckets: readonly number[] }): Histogram<Name>
  /** All metrics in the Prometheus text format 0.0.4. */
  render(): string
}

interface Series<State> {
  labels: readonly string[]
  state: State
}

interface Family {
  render(): string[]
}

/** The labels of the one series that takes what would be a series too many. */
const OVERFLOW = 'other'

/**
 * A registry of metrics. Each metric keeps at most `seriesLimit` combinations of label values; further ones are counted in
 * one series whose labels all read `other`, so that what clients send cannot fill the memory.
 */
export function createMetrics({ seriesLimit = 1000 }: { seriesLimit?: number } = {}): Metrics {
  const families = new Map<string, Family>()

  function register<State>(type: string, description: MetricDescription<string>, parts: FamilyParts<State>): SeriesTable<State> {
    const { name, help, labels = [] } = description
    requireNames(name, labels)
    if (families.has(name)) throw new Error(`The metric ${name} is registered already.`)
    const table = createSeriesTable(labels, { limit: seriesLimit, create: parts.create })
    families.set(name, {
      render: () => [
        `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
        `# TYPE ${name} ${type}`,
        ...table.all().flatMap(({ labels: values, state }) => parts.render(name, toPairs(labels, values), state)),
      ],
    })
    return table
  }

  return {
    counter(description) {
      const table = register('counter', description, SINGLE_VALUE)
      return {
        increment(labels, by = 1) {
          if (!(by >= 0 && by < Infinity)) throw new RangeError(`A counter cannot grow by ${by}.`)
          table.at(labels).value += by
        },
      }
    },
    gauge(description) {
      const table = register('gauge', description, SINGLE_VALUE)
      return {
        set(labels, value) {
          table.at(labels).value = value
        },
      }
    },
    histogram(description) {
      const buckets = [...description.buckets]
      if (buckets.some((bound, index) => !(bound > (buckets[index - 1] ?? -Infinity))))
        throw new RangeError('Buckets must ascend.')
      const table = register('histogram', description, histogramParts(buckets))
      return {
        observe(labels, value) {
          const state = table.at(labels)
          const bucket = buckets.findIndex((bound) => value <= bound)
          if (bucket !== -1) state.counts[bucket] = (state.counts[bucket] ?? 0) + 1
          state.sum += value
          state.count++
        },
      }
    },
    render: () => `${[...families.values()].flatMap((family) => family.render()).join('\n')}\n`,
  }
}

interface FamilyParts<State> {
  create: () => State
  render(name: string, pairs: readonly string[], state: State): string[]
}

const SINGLE_VALUE: FamilyParts<{ value: number }> = {
  create: () => ({ value: 0 }),
  render: (name, pairs, { value }) => [line(name, pairs, value)],
}

function histogramParts(buckets: readonly number[]): FamilyParts<{ counts: number[]; sum: number; count: number }> {
  return {
    create: () => ({ counts: buckets.map(() => 0), sum: 0, count: 0 }),
    render(name, pairs, { counts, sum, count }) {
      let below = 0
      const lines = buckets.map((bound, index) => {
        below += counts[index] ?? 0
        return line(`${name}_bucket`, [...pairs, `le="${formatNumber(bound)}"`], below)
      })
      const infinite = line(`${name}_bucket`, [...pairs, 'le="+Inf"'], count)
      return [...lines, infinite, line(`${name}_sum`, pairs, sum), line(`${name}_count`, pairs, count)]
    },
  }
}

interface SeriesTable<State> {
  at(labels: Readonly<Record<string, string>>): State
  all(): Series<State>[]
}

function createSeriesTable<State>(
  names: readonly string[],
  { limit, create }: { limit: number; create: () => State },
): SeriesTable<State> {
  const series = new Map<string, Series<State>>()

  function at(labels: Readonly<Record<string, string>>): State {
    const key = toKey(names, labels)
    return series.get(key)?.state ?? add(key, labels)
  }

  function add(key: string, labels: Readonly<Record<string, string>>): State {
    const overflow = Object.fromEntries(names.map((name) => [name, OVERFLOW]))
    // The series for the rest does not count, so that it always has a place.
    if (series.size >= limit && key !== toKey(names, overflow)) return at(overflow)
    const added = { labels: names.map((name) => String(labels[name] ?? '')), state: create() }
    series.set(key, added)
    return added.state
  }

  // A metric without labels exists from the start: a counter that is absent cannot be told from one that is 0.
  if (names.length === 0) at({})
  return { at, all: () => [...series.values()] }
}

/** A key that differs whenever a value differs; built without an array because every request looks up several series. */
function toKey(names: readonly string[], labels: Readonly<Record<string, string>>): string {
  let key = ''
  for (const name of names) {
    const value = String(labels[name] ?? '')
    key += `${value.length}:${value}`
  }
  return key
}

function requireNames(name: string, labels: readonly string[]): void {
  if (!/^[a-zA-Z_:][\w:]*$/.test(name)) throw new Error(`"${name}" is not a name for a metric.`)
  for (const label of labels) {
    if (!/^(?!__)[a-zA-Z_]\w*$/.test(label) || label === 'le') throw new Error(`"${label}" is not a name for a label.`)
  }
}

function toPairs(names: readonly string[], values: readonly string[]): string[] {
  return names.map((name, index) => `${name}="${escapeValue(values[index] ?? '')}"`)
}

function escapeValue(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function line(name: string, pairs: readonly string[], value: number): string {
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${formatNumber(value)}`
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}
