import { createHmac } from 'node:crypto'
import type { Bench } from '../bench.ts'
import { getHook } from '../../src/core/hooks/index.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import { addSource, getSource } from '../../src/core/sources/index.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { startNginx } from '../nginx.ts'
import { ALL_CORES, findFreePort } from '../processes.ts'
import { addOrganization, makePackage, openData, publish } from '../provision.ts'
import { composerRequest } from '../registry.ts'
import { createRepository, pushTag, type BenchRepository } from '../repository.ts'
import { alternate, type Result } from '../results.ts'
import { startServer, type Server } from '../server.ts'
import { receive, requireSame } from '../verify.ts'
import { runLoad, type Load, type LoadResult, type Target } from '../wrk.ts'

/** As many connections as Composer opens, each asking every 20 ms: work for the server, but not all that it can do. */
const CONNECTIONS = 8
const PAUSE = 20
const SYNC_TIMEOUT = 60_000
const VISIBLE_TIMEOUT = 20_000

interface Scene {
  bench: Bench
  server: Server
  ctx: () => Ctx
  repository: BenchRepository
  /** How many syncs were started so far; each needs an organization of its own. */
  syncs: number
}

/** What clients notice of a sync that runs beside them, and how soon a pushed tag can be installed. */
export async function measureServing(bench: Bench): Promise<Result[]> {
  const directory = await bench.folder('serving')
  const repository = await createRepository(await bench.folder('repository'), {
    name: 'bench/synced',
    tags: 1_000,
    manifests: 80,
  })
  const { app, ctx } = await openData(directory)
  try {
    const organization = await addOrganization(ctx(), 'bench')
    await publish(ctx(), organization.organization.id, [makePackage('bench/metadata', 175, ['psr/log', 'psr/container'])])
    const server = await startServer({ directory, port: await findFreePort(), cores: ALL_CORES })
    const scene: Scene = { bench, server, ctx, repository, syncs: 0 }
    try {
      const target = composerRequest(`${server.url}/bench/p2/bench/metadata.json`, organization.authorization)
      return [...(await measureLatency(scene, target)), await measurePush(scene)]
    } finally {
      await server.process.stop()
    }
  } finally {
    await app.close()
  }
}

async function measureLatency(scene: Scene, ours: Target): Promise<Result[]> {
  const { bench } = scene
  const { rounds, seconds } = bench.options
  bench.say(`Latency with and without syncs: ${rounds} alternating runs of ${seconds} s, four times.`)
  const nginx = await startNginx({ directory: await bench.folder('nginx'), port: await findFreePort(), cores: ALL_CORES })
  const received = await receive(ours)
  await nginx.put('metadata.json', received.bytes, received.lastModified)
  const reference = { ...ours, url: `${nginx.url}/metadata.json` }
  await requireSame({ ours, reference, status: 200 })
  const load: Load = { seconds, connections: CONNECTIONS, pause: { milliseconds: PAUSE, directory: await bench.folder('wrk') } }
  const idle = await alternate(rounds, { reference: () => runLoad(reference, load), ours: () => runLoad(ours, load) })
  const busy = await alternate(rounds, {
    reference: () => runLoadBesideSyncs(scene, reference, load),
    ours: () => runLoadBesideSyncs(scene, ours, load),
  })
  await nginx.process.stop()
  return [
    toLatency('p50', 'idle', idle),
    toLatency('p99', 'idle', idle),
    toLatency('p50', 'beside syncs of 1,000 tags', busy),
    toLatency('p99', 'beside syncs of 1,000 tags', busy),
  ]
}

function toLatency(quantile: 'p50' | 'p99', when: string, samples: { ours: LoadResult[]; reference: LoadResult[] }): Result {
  return {
    group: 'serving',
    name: `metadata 200, ${quantile} of latency, ${when}`,
    unit: 'ms',
    ours: samples.ours.map((one) => one[quantile]),
    reference: { name: `nginx, ${when}`, samples: samples.reference.map((one) => one[quantile]) },
    cost: null,
    goal: null,
    note: '8 connections, a request every 20 ms on each',
  }
}

/** Loads the server while its job thread does nothing but first syncs, each in an organization of its own. */
async function runLoadBesideSyncs(scene: Scene, target: Target, load: Load): Promise<LoadResult> {
  const state = { loading: true }
  const syncing = (async () => {
    while (state.loading) {
      scene.syncs += 1
      await syncOnce(scene, `load-${scene.syncs}`)
    }
  })()
  try {
    return await runLoad(target, load)
  } finally {
    state.loading = false
    await syncing
  }
}

interface SyncedSource {
  authorization: string
  source: string
  organization: OrganizationId
}

async function syncOnce({ ctx, repository }: Scene, slug: string): Promise<SyncedSource> {
  const { organization, authorization } = await addOrganization(ctx(), slug)
  const { source, job } = await addSource(ctx(), { organization: organization.id, url: repository.url, credential: null })
  const outcome = await ctx().jobs.wait(job, SYNC_TIMEOUT)
  if (outcome.kind !== 'succeeded') {
    throw new Error(`The sync of ${slug} ended with ${JSON.stringify(outcome)}.`)
  }
  return { authorization, source: source.uid, organization: organization.id }
}

/** Milliseconds from the delivery of a signed hook over HTTP until metadata has the new version. */
async function measurePush(scene: Scene): Promise<Result> {
  const { bench, ctx, repository, server } = scene
  bench.say(`Push of one tag: ${bench.options.rounds} runs.`)
  const { authorization, source, organization } = await syncOnce(scene, 'pushed')
  const hook = await getHook(ctx(), await getSource(ctx(), { organization, uid: source }))
  const target = composerRequest(`${server.url}/pushed/p2/bench/synced.json`, authorization)
  const samples: number[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    const tag = `v2.0.${round}`
    await pushTag(repository, 'bench/synced', tag)
    const began = performance.now()
    await deliverHook(`${server.url}/webhooks/github/${source}`, hook.secret, tag)
    while (!(await hasVersion(target, tag))) {
      if (performance.now() - began > VISIBLE_TIMEOUT) {
        throw new Error(`${tag} did not appear in metadata.`)
      }
      await Bun.sleep(10)
    }
    samples.push(performance.now() - began)
  }
  return {
    group: 'serving',
    name: 'push of one tag to installable, repository of 1,000 tags',
    unit: 'ms',
    ours: samples,
    reference: null,
    cost: null,
    goal: { kind: 'at_most', value: 1_000 },
    note: 'from the delivery of a signed hook over HTTP',
  }
}

/** Reports a push as GitHub does. */
async function deliverHook(url: string, secret: string, tag: string): Promise<void> {
  const body = JSON.stringify({ ref: `refs/tags/${tag}` })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'Content-Type': 'application/json',
      'X-GitHub-Event': 'push',
      'X-Hub-Signature-256': `sha256=${signature}`,
      'X-GitHub-Delivery': crypto.randomUUID(),
    },
  })
  if (!response.ok) {
    throw new Error(`The hook was answered with ${response.status}.`)
  }
}

async function hasVersion(target: Target, tag: string): Promise<boolean> {
  const response = await fetch(target.url, { headers: { ...target.headers } })
  return response.ok && (await response.text()).includes(`"version":"${tag}"`)
}
