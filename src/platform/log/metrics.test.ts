import { expect, test } from 'bun:test'
import { createMetrics } from './metrics.ts'

test('counters, gauges and histograms are rendered in the text format', () => {
  const metrics = createMetrics()
  const requests = metrics.counter({ name: 'requests_total', help: 'Requests.', labels: ['route', 'status'] })
  const jobs = metrics.gauge({ name: 'jobs_waiting', help: 'Jobs.' })
  const time = metrics.histogram({ name: 'request_seconds', help: 'Time.', labels: ['route'], buckets: [0.1, 1] })

  requests.increment({ route: '/p2', status: '200' })
  requests.increment({ status: '200', route: '/p2' }, 2)
  jobs.set({}, 7)
  for (const seconds of [0.05, 0.1, 0.5, 3]) time.observe({ route: '/p2' }, seconds)

  expect(metrics.render()).toBe(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{route="/p2",status="200"} 3
# HELP jobs_waiting Jobs.
# TYPE jobs_waiting gauge
jobs_waiting 7
# HELP request_seconds Time.
# TYPE request_seconds histogram
request_seconds_bucket{route="/p2",le="0.1"} 2
request_seconds_bucket{route="/p2",le="1"} 3
request_seconds_bucket{route="/p2",le="+Inf"} 4
request_seconds_sum{route="/p2"} 3.65
request_seconds_count{route="/p2"} 4
`)
})

test('label values and help texts are escaped', () => {
  const metrics = createMetrics()
  metrics.counter({ name: 'c_total', help: 'a\\b\nc', labels: ['l'] }).increment({ l: 'x"y\\z\n' })

  expect(metrics.render()).toContain('# HELP c_total a\\\\b\\nc\n')
  expect(metrics.render()).toContain('c_total{l="x\\"y\\\\z\\n"} 1\n')
})

test('label values beyond the limit are counted together', () => {
  const metrics = createMetrics({ seriesLimit: 2 })
  const counter = metrics.counter({ name: 'c_total', help: 'h', labels: ['l'] })

  for (const value of ['a', 'b', 'c', 'd', 'a']) counter.increment({ l: value })

  expect(metrics.render().split('\n').slice(2)).toEqual(['c_total{l="a"} 2', 'c_total{l="b"} 1', 'c_total{l="other"} 2', ''])
})

test('special numbers have their names, and a metric without labels starts at zero', () => {
  const metrics = createMetrics()
  const gauge = metrics.gauge({ name: 'g', help: 'h' })

  expect(metrics.render()).toContain('g 0\n')
  for (const [value, text] of [
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [Number.NaN, 'NaN'],
  ] as const) {
    gauge.set({}, value)
    expect(metrics.render()).toContain(`g ${text}\n`)
  }
})

test('mistakes in a registration or an observation are refused', () => {
  const metrics = createMetrics()
  const counter = metrics.counter({ name: 'c_total', help: 'h' })

  expect(() => metrics.gauge({ name: 'c_total', help: 'h' })).toThrow('registered already')
  expect(() => metrics.gauge({ name: 'a-b', help: 'h' })).toThrow('not a name for a metric')
  expect(() => metrics.gauge({ name: 'g', help: 'h', labels: ['__x'] })).toThrow('not a name for a label')
  expect(() => metrics.histogram({ name: 'h', help: 'h', labels: ['le'], buckets: [1] })).toThrow('not a name for a label')
  expect(() => metrics.histogram({ name: 'h', help: 'h', buckets: [1, 1] })).toThrow('must ascend')
  expect(() => counter.increment({}, -1)).toThrow('cannot grow')
  expect(() => counter.increment({}, Number.NaN)).toThrow('cannot grow')
})
