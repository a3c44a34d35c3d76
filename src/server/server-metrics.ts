/**
 * What supervision is told: what this process counted, the state of the installation at the moment of asking, and whether it can do its work.
 */
import type { Ports } from '../app.ts'
import type { App } from '../compose.ts'
import { countJobs, findOldestDue } from '../core/jobs/index.ts'
import { summarizeSources } from '../core/sources/index.ts'
import { createMetrics, type Metrics } from '../platform/log/metrics.ts'
import type { Telemetry } from '../surfaces/http/telemetry.ts'
import type { OpsParts } from '../surfaces/ops/routes.ts'

/** Seconds; the metadata path is expected in the first two. */
const BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

/** Registers what the serving path counts. */
export function createTelemetry(metrics: Metrics): Telemetry {
  return {
    requests: metrics.counter({ name: 'repertoire_requests_total', help: 'Answered requests.', labels: ['surface', 'status'] }),
    duration: metrics.histogram({
      name: 'repertoire_request_duration_seconds',
      help: 'Time until the response was ready to be sent.',
      labels: ['surface'],
      buckets: BUCKETS,
    }),
    cache: metrics.counter({
      name: 'repertoire_answers_total',
      help: 'Hot-path requests by what the memory knew.',
      labels: ['outcome'],
    }),
  }
}

/** The gauges of jobs, sources, memory and the database in the Prometheus text format. Fails when the database is away. */
async function renderState({ database, clock }: Ports, documentBytes: number): Promise<string> {
  const now = clock.now()
  const state = createMetrics()
  const jobs = state.gauge({ name: 'repertoire_jobs', help: 'Jobs by state.', labels: ['state'] })
  for (const row of await countJobs(database.read)) {
    jobs.set({ state: row.state }, row.count)
  }
  const oldest = await findOldestDue(database.read, now)
  const waiting = state.gauge({ name: 'repertoire_job_wait_seconds', help: 'Since when the longest due job waits.' })
  waiting.set({}, oldest === null ? 0 : (now - oldest) / 1000)
  const sources = state.gauge({ name: 'repertoire_sources', help: 'Sources by state.', labels: ['state'] })
  const age = state.gauge({
    name: 'repertoire_sync_age_seconds',
    help: 'Age of the last successful sync, of the source where it is oldest.',
    labels: ['state'],
  })
  for (const row of await summarizeSources(database.read)) {
    sources.set({ state: row.state }, row.count)
    if (row.oldestSync !== null) {
      age.set({ state: row.state }, (now - row.oldestSync) / 1000)
    }
  }
  state.gauge({ name: 'repertoire_document_cache_bytes', help: 'Rendered documents in memory.' }).set({}, documentBytes)
  state.gauge({ name: 'repertoire_resident_bytes', help: 'Resident memory of the process.' }).set({}, process.memoryUsage.rss())
  const asked = performance.now()
  await database.ping()
  const ping = state.gauge({ name: 'repertoire_database_ping_seconds', help: 'Time of the simplest statement.' })
  ping.set({}, (performance.now() - asked) / 1000)
  return state.render()
}

/** What one process counted: its metrics as text, and the size of its rendered documents. */
export interface Counted {
  renderMetrics(): string
  documentBytes(): number
}

/** What supervision is told about an installation and this process of it. */
export function createOpsParts(app: App, counted: Counted): OpsParts {
  return {
    findProblems: () => findProblems(app),
    findLimitations: () => findLimitations(app),
    renderMetrics: async () =>
      counted.renderMetrics() + (await renderState(app.ports, counted.documentBytes())) + (await renderStorage(app)),
    metricsToken: app.config.metricsToken,
  }
}

async function findProblems({ ports }: App): Promise<string[]> {
  try {
    await ports.database.ping()
    return []
  } catch (error) {
    ports.log.error('The database does not answer.', { error })
    return ['The database does not answer.']
  }
}

async function findLimitations({ blobs }: App): Promise<string[]> {
  const problem = await blobs.findProblem()
  return problem === null ? [] : [`Archives cannot be had: ${problem}.`]
}

async function renderStorage({ blobs }: App): Promise<string> {
  const metrics = createMetrics()
  const available = metrics.gauge({ name: 'repertoire_storage_available', help: 'Whether archives can be had from the storage.' })
  available.set({}, (await blobs.findProblem()) === null ? 1 : 0)
  return metrics.render()
}
