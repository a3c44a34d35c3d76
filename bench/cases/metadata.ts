import type { Bench } from '../bench.ts'
import { measureRates, type RateCase, type Served } from '../rate-case.ts'
import { composerRequest, PATHS, type Registry } from '../registry.ts'
import type { Result } from '../results.ts'
import { receive } from '../verify.ts'
import type { Target } from '../wrk.ts'

const CONNECTIONS = 16

/** Metadata and the root file, with and without a change since the last visit, also for a token that sees only some packages. */
export async function measureMetadata(bench: Bench, { server, nginx, authorization }: Registry): Promise<Result[]> {
  const pids = { ours: server.process.pid, nginx: nginx.process.pid }
  const ours: Served = { ...composerRequest(`${server.url}/${PATHS.metadata}`, authorization.bench), pid: pids.ours }
  const reference: Served = { ...composerRequest(`${nginx.url}/${PATHS.metadata}`, authorization.bench), pid: pids.nginx }
  const limited: Served = { ...composerRequest(`${server.url}/${PATHS.metadata}`, authorization.limited), pid: pids.ours }
  const root: Served = { ...composerRequest(`${server.url}/${PATHS.large}`, authorization.large), pid: pids.ours }
  const common = { group: 'metadata', connections: CONNECTIONS, referenceName: 'nginx', note: null }
  const size = await sizeOf(ours)
  const rootSize = await sizeOf(root)
  const cases: RateCase[] = [
    { ...common, name: `metadata 200, ${size}`, ours, reference, status: 200, goal: { kind: 'ratio_at_least', value: 0.6 } },
    {
      ...common,
      name: 'metadata 304',
      ours: await revalidating(ours),
      reference: await revalidating(reference),
      status: 304,
      goal: { kind: 'ratio_at_least', value: 0.7 },
    },
    {
      ...common,
      name: 'metadata 200, token limited by 3 patterns',
      ours: limited,
      reference: ours,
      referenceName: 'unlimited token',
      status: 200,
      goal: { kind: 'ratio_at_least', value: 0.9 },
    },
    {
      ...common,
      name: `root file, 10,000 packages, ${rootSize}`,
      ours: root,
      reference: { ...composerRequest(`${nginx.url}/${PATHS.large}`, authorization.large), pid: pids.nginx },
      status: 200,
      goal: { kind: 'ratio_at_least', value: 0.6 },
    },
  ]
  const results: Result[] = []
  for (const one of cases) {
    results.push(await measureRates(bench, one))
  }
  return results
}

async function sizeOf(target: Target): Promise<string> {
  return `${Math.round((await receive(target)).bytes.length / 1000)} kB`
}

/** The same request of a client that has the present copy. */
async function revalidating(target: Served): Promise<Served> {
  const { headers } = await receive(target)
  return { ...target, headers: { ...target.headers, 'If-Modified-Since': headers.get('last-modified') ?? '' } }
}
