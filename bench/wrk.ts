import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LOAD_CORE, runCommand } from './processes.ts'

/** A URL with the headers that a client sends. */
export interface Target {
  url: string
  headers: Readonly<Record<string, string>>
}

/** How hard and how long. `pause`: milliseconds that each connection waits before each request. */
export interface Load {
  seconds: number
  connections: number
  pause?: { milliseconds: number; directory: string }
}

/** What wrk saw; latencies in milliseconds. */
export interface LoadResult {
  requests: number
  rate: number
  p50: number
  p99: number
}

/** Loads a target from the other core. Throws when a request failed, so that no error answer is ever counted as speed. */
export async function runLoad({ url, headers }: Target, { seconds, connections, pause }: Load): Promise<LoadResult> {
  const script = pause === undefined ? [] : ['-s', await writePause(pause)]
  const header = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { output } = await runCommand(
    ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency', ...script, ...header, url],
    { cores: LOAD_CORE },
  )
  const failed = /Socket errors:.*|Non-2xx or 3xx responses:.*/.exec(output)
  if (failed !== null) {
    throw new Error(`${url}: ${failed[0]}`)
  }
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1]),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50: readDuration(output, '50%'),
    p99: readDuration(output, '99%'),
  }
}

async function writePause({ milliseconds, directory }: { milliseconds: number; directory: string }): Promise<string> {
  const path = join(directory, `pause-${milliseconds}.lua`)
  await writeFile(path, `function delay()\n  return ${milliseconds}\nend\n`)
  return path
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }

function readDuration(output: string, quantile: string): number {
  const [, value, unit = ''] = new RegExp(`^\\s+${quantile}\\s+([\\d.]+)(us|ms|s|m)$`, 'm').exec(output) ?? []
  return Number(value) * (UNITS[unit] ?? Number.NaN)
}
