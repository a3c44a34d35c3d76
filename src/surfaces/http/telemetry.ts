/** A metric that grows. */
export interface CounterSink<Name extends string> {
  increment(labels: Readonly<Record<Name, string>>, by?: number): void
}

/** A metric of sizes. */
export interface HistogramSink<Name extends string> {
  observe(labels: Readonly<Record<Name, string>>, value: number): void
}

/** What the server measures of itself. */
export interface Telemetry {
  requests: CounterSink<'surface' | 'status'>
  /** In seconds. */
  duration: HistogramSink<'surface'>
  cache: CounterSink<'outcome'>
}
