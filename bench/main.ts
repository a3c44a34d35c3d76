/** `npm run bench`: what Repertoire promises about speed and memory, measured against nginx, git and static files in one run. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench, Group } from './bench.ts'
import { measureArchives } from './cases/archives.ts'
import { measureComposer } from './cases/composer.ts'
import { measureGitlab } from './cases/gitlab.ts'
import { measureMetadata } from './cases/metadata.ts'
import { measureMirrors } from './cases/mirrors.ts'
import { measureServing } from './cases/serving.ts'
import { measureStart } from './cases/start.ts'
import { measureSync } from './cases/sync.ts'
import { writeResults } from './document.ts'
import { parseOptions, USAGE, type Options } from './options.ts'
import { stopProcesses } from './processes.ts'
import { startRegistry, type Registry } from './registry.ts'
import { renderTable } from './report.ts'
import type { Result } from './results.ts'

/** Groups that ask one installation over HTTP; it is filled once for all of them. */
const REGISTRY_GROUPS: Readonly<Record<string, (bench: Bench, registry: Registry) => Promise<Result[]>>> = {
  metadata: measureMetadata,
  archives: measureArchives,
  composer: measureComposer,
}

const GROUPS: readonly Group[] = [
  { name: 'gitlab', run: measureGitlab },
  { name: 'mirrors', run: measureMirrors },
  { name: 'sync', run: measureSync },
  { name: 'serving', run: measureServing },
  { name: 'start', run: measureStart },
]

const NAMES = [...Object.keys(REGISTRY_GROUPS), ...GROUPS.map((group) => group.name)]

async function runGroups(bench: Bench): Promise<Result[]> {
  const isWanted = (name: string): boolean => bench.options.only?.has(name) ?? true
  const results: Result[] = []
  const overHttp = Object.entries(REGISTRY_GROUPS).filter(([name]) => isWanted(name))
  if (overHttp.length > 0) {
    const registry = await startRegistry(bench)
    for (const [, measure] of overHttp) {
      results.push(...(await measure(bench, registry)))
    }
    await registry.stop()
  }
  for (const group of GROUPS.filter(({ name }) => isWanted(name))) {
    results.push(...(await group.run(bench)))
  }
  return results
}

async function run(options: Options): Promise<void> {
  if (cpus().length < 2) {
    throw new Error('The benchmarks need two cores: one for the server, one for the load.')
  }
  const directory = await mkdtemp(join(tmpdir(), 'repertoire-bench-'))
  const cleanUp = async (): Promise<void> => {
    await stopProcesses()
    await rm(directory, { recursive: true, force: true })
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)))
  }
  let folders = 0
  const bench: Bench = {
    options,
    async folder(name) {
      folders += 1
      const path = join(directory, `${folders}-${name}`)
      await mkdir(path, { mode: 0o700 })
      return path
    },
    say: (line) => void process.stderr.write(`${line}\n`),
  }
  try {
    const results = await runGroups(bench)
    console.log(options.json ? JSON.stringify(results, null, 2) : renderTable(results))
    if (options.write) {
      await writeResults(results, options)
    }
  } finally {
    await cleanUp()
  }
}

const commandLine = process.argv.slice(2)
if (commandLine.includes('--help')) {
  console.log(USAGE)
} else {
  try {
    await run(parseOptions(commandLine, NAMES))
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
