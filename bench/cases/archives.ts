import type { Bench } from '../bench.ts'
import { forgetPeak, peakResidentBytes, residentBytes } from '../processes.ts'
import { measureRates } from '../rate-case.ts'
import { ARCHIVES, archivePaths, composerRequest, type Registry } from '../registry.ts'
import type { Result } from '../results.ts'

const MEGABYTE = 1_000_000
const GOALS: Readonly<Record<string, number>> = { '10 kB': 0.4, '1 MB': 0.6, '20 MB': 0.95 }
/** What "memory flat" means: growth of the server while it sends archives to all connections at once. */
const GROWTH_LIMIT = 64

/** Downloads of built archives of three sizes, and by how much the server grows meanwhile. */
export async function measureArchives(bench: Bench, { server, nginx, authorization }: Registry): Promise<Result[]> {
  const results: Result[] = []
  for (const { name, connections } of ARCHIVES) {
    const paths = archivePaths(name)
    const { pid } = server.process
    const before = residentBytes(pid)
    forgetPeak(pid)
    results.push(
      await measureRates(bench, {
        group: 'archives',
        name: `archive ${name}`,
        ours: { ...composerRequest(`${server.url}/${paths.ours}`, authorization.bench), pid },
        reference: { ...composerRequest(`${nginx.url}/${paths.reference}`, authorization.bench), pid: nginx.process.pid },
        referenceName: 'nginx',
        status: 200,
        connections,
        goal: { kind: 'ratio_at_least', value: GOALS[name] ?? Number.NaN },
        note: null,
      }),
    )
    results.push({
      group: 'archives',
      name: `archive ${name}, memory growth at the peak`,
      unit: 'MB',
      ours: [Math.max(0, peakResidentBytes(pid) - before) / MEGABYTE],
      reference: null,
      cost: null,
      goal: { kind: 'at_most', value: GROWTH_LIMIT },
      note: `from ${Math.round(before / MEGABYTE)} MB`,
    })
  }
  return results
}
