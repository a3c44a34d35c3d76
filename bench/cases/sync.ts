import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import { ALL_CORES, runCommand } from '../processes.ts'
import { createRepository, git, type BenchRepository } from '../repository.ts'
import type { Result } from '../results.ts'
import { environmentOf } from '../server.ts'
import type { SyncProbe } from '../sync-probe.ts'

const TAGS = 1_000
const MANIFESTS = 80
const ARCHIVES = 100
const MEGABYTE = 1_000_000

/** The first sync of a repository against the least that git needs for the same, its memory, and the time per archive. */
export async function measureSync(bench: Bench): Promise<Result[]> {
  bench.say(`Sync of ${TAGS} tags: ${bench.options.rounds} alternating runs.`)
  const repository = await createRepository(await bench.folder('repository'), {
    name: 'bench/synced',
    tags: TAGS,
    manifests: MANIFESTS,
  })
  const newest = await resolveNewest(repository)
  const floor: number[] = []
  const gitArchive: number[] = []
  const ours: SyncProbe[] = []
  for (let round = 0; round < bench.options.rounds; round += 1) {
    floor.push(await cloneAndRead(repository, await bench.folder('clone')))
    gitArchive.push(await archiveByGit(repository))
    ours.push(await probe(repository, await bench.folder('sync'), newest))
  }
  return [
    {
      group: 'sync',
      name: '1,000 tags, 80 manifests, first sync',
      unit: 'ms',
      ours: ours.map((one) => one.sync),
      reference: { name: 'git clone --mirror + one cat-file --batch', samples: floor },
      cost: null,
      goal: { kind: 'ratio_at_most', value: 3 },
      note: null,
    },
    {
      group: 'sync',
      name: 'peak memory of the process that syncs',
      unit: 'MB',
      ours: ours.map((one) => one.peak / MEGABYTE),
      reference: null,
      cost: null,
      goal: { kind: 'at_most', value: 200 },
      note: 'without its git processes',
    },
    {
      group: 'sync',
      name: 'one archive of 61 files',
      unit: 'ms',
      ours: ours.map((one) => one.archive),
      reference: { name: 'git archive', samples: gitArchive },
      cost: null,
      goal: null,
      note: `the ${ARCHIVES} newest tags one after the other; ours includes the durable write`,
    },
  ]
}

async function resolveNewest({ directory, tags }: BenchRepository): Promise<string[]> {
  const { output } = await git(directory, ['rev-parse', ...tags.slice(-ARCHIVES).map((tag) => `refs/tags/${tag}`)])
  return output.trim().split('\n')
}

/** Milliseconds for a mirror clone and one pass over the composer.json of every tag. */
async function cloneAndRead({ url, tags }: BenchRepository, directory: string): Promise<number> {
  const target = join(directory, 'mirror.git')
  const clone = await git(directory, ['clone', '--quiet', '--mirror', url, target])
  const wanted = tags.map((tag) => `refs/tags/${tag}:composer.json\n`).join('')
  const read = await git(target, ['cat-file', '--batch'], Buffer.from(wanted))
  if (read.output.split(' blob ').length - 1 !== tags.length) {
    throw new Error('git did not find composer.json at every tag.')
  }
  return clone.duration + read.duration
}

/** Milliseconds for one zip file by git itself, over ten of the newest tags. */
async function archiveByGit({ directory, tags }: BenchRepository): Promise<number> {
  const some = tags.slice(-10)
  let sum = 0
  for (const tag of some) {
    const { duration } = await git(directory, ['archive', '--format=zip', '--output=/dev/null', tag])
    sum += duration
  }
  return sum / some.length
}

async function probe(repository: BenchRepository, directory: string, references: readonly string[]): Promise<SyncProbe> {
  const script = join(import.meta.dir, '../sync-probe.ts')
  const { output } = await runCommand([process.execPath, script, directory, repository.url, references.join(',')], {
    cores: ALL_CORES,
    environment: environmentOf(directory),
  })
  await rm(directory, { recursive: true, force: true })
  const found = JSON.parse(output) as SyncProbe
  // The default branch is a version too.
  if (found.versions !== repository.tags.length + 1) {
    throw new Error(`The sync found ${found.versions} versions, expected ${repository.tags.length + 1}.`)
  }
  return found
}
