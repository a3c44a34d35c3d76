import type { Bench } from '../bench.ts'
import { ALL_CORES, findFreePort, residentBytes } from '../processes.ts'
import { addOrganization, makePackage, openData, publish } from '../provision.ts'
import type { Result } from '../results.ts'
import { startServer } from '../server.ts'

const PACKAGES = 50_000
const VERSIONS = 4
const SETTLING = 3_000
const MEGABYTE = 1_000_000

/** How long a server with many packages takes until it is ready, and its memory before anybody asks. */
export async function measureStart(bench: Bench): Promise<Result[]> {
  bench.say(`Start with ${PACKAGES.toLocaleString('en')} packages: filling, then ${bench.options.rounds} starts.`)
  const directory = await bench.folder('start')
  const { app, ctx } = await openData(directory)
  try {
    const { organization } = await addOrganization(ctx(), 'large')
    const names = Array.from({ length: PACKAGES }, (_, index) => `vendor-${index % 211}/package-${index}`)
    for (let start = 0; start < PACKAGES; start += 5_000) {
      const some = names.slice(start, start + 5_000)
      await publish(
        ctx(),
        organization.id,
        some.map((name) => makePackage(name, VERSIONS)),
      )
    }
  } finally {
    await app.close()
  }
  const ready: number[] = []
  const idle: number[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    const server = await startServer({ directory, port: await findFreePort(), cores: ALL_CORES })
    ready.push(server.readyAfter)
    await Bun.sleep(SETTLING)
    idle.push(residentBytes(server.process.pid) / MEGABYTE)
    await server.process.stop()
  }
  const common = { group: 'start', reference: null, cost: null, note: null }
  return [
    {
      ...common,
      name: 'start with 50,000 packages × 4 versions until ready',
      unit: 'ms',
      ours: ready,
      goal: { kind: 'at_most', value: 2_000 },
    },
    { ...common, name: 'idle memory after it', unit: 'MB', ours: idle, goal: { kind: 'at_most', value: 200 } },
  ]
}
