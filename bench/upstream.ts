/** An upstream repository in a process of its own, so that what it does costs neither the registry nor the one who measures. */
import { join } from 'node:path'
import { ALL_CORES, startProcess, type RunningProcess } from './processes.ts'

const STARTING = 60_000
const POLL = 10
/** How many packages every package requires: a project of few requirements grows in waves, as real ones do. */
const REQUIREMENTS = 3

/** What an upstream serves: packages `vendor/package-0` … of equal size, and how long every answer waits. */
export interface UpstreamPlan {
  vendor: string
  packages: number
  versions: number
  /** About the size of every archive. */
  bytes: number
  /** Milliseconds. */
  latency: number
}

/** A running upstream. */
export interface UpstreamProcess {
  readonly process: RunningProcess
  readonly url: string
}

/** The names of a plan's packages. */
export function packageNames({ vendor, packages }: UpstreamPlan): string[] {
  return Array.from({ length: packages }, (_, index) => `${vendor}/package-${index}`)
}

/** What the package of that index requires: the next ones of a tree in breadth-first order. */
export function dependenciesOf(index: number, names: readonly string[]): readonly string[] {
  return names.slice((index + 1) * REQUIREMENTS, (index + 2) * REQUIREMENTS)
}

/** What a project has to require to get all packages. */
export function rootRequirements(names: readonly string[]): readonly string[] {
  return names.slice(0, REQUIREMENTS)
}

/** Starts an upstream and waits until it listens. `directory` is for its log. */
export async function startUpstreamProcess(directory: string, plan: UpstreamPlan): Promise<UpstreamProcess> {
  const [address, log] = [join(directory, 'url'), join(directory, 'upstream.log')]
  const command = [process.execPath, join(import.meta.dir, 'upstream-process.ts'), JSON.stringify(plan), address]
  const started = startProcess(command, { cores: ALL_CORES }, log)
  const began = performance.now()
  while (!(await Bun.file(address).exists())) {
    if (started.hasEnded() || performance.now() - began > STARTING) {
      throw new Error(`The upstream did not start: ${(await Bun.file(log).text()).slice(-2000)}`)
    }
    await Bun.sleep(POLL)
  }
  return { process: started, url: await Bun.file(address).text() }
}
