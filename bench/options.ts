import { parseArgs } from 'node:util'

/** What a run measures and how long. */
export interface Options {
  /** Names of groups; null means all. */
  only: ReadonlySet<string> | null
  /** How often each pair is measured, alternating between the two sides. */
  rounds: number
  /** How long each load run takes. */
  seconds: number
  json: boolean
  /** Whether docs/benchmarks.md gets the results. */
  write: boolean
}

export const USAGE = `npm run bench -- [--only group,group] [--rounds 5] [--seconds 3] [--json] [--write]

  --only     groups to measure; without it all of them
  --rounds   alternating runs of each pair; the median is reported
  --seconds  length of one load run
  --json     print the samples as JSON instead of a table
  --write    put the table into docs/benchmarks.md`

/** Reads the command line. Throws with a sentence for what it does not understand. */
export function parseOptions(commandLine: readonly string[], groups: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...commandLine],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  const only = values.only?.split(',').map((name) => name.trim())
  const unknown = only?.find((name) => !groups.includes(name))
  if (unknown !== undefined) {
    throw new Error(`There is no group "${unknown}"; there are ${groups.join(', ')}.`)
  }
  return {
    only: only === undefined ? null : new Set(only),
    rounds: parseCount('--rounds', values.rounds),
    seconds: parseCount('--seconds', values.seconds),
    json: values.json,
    write: values.write,
  }
}

function parseCount(option: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 100) {
    throw new Error(`${option} takes a whole number from 1 to 100.`)
  }
  return value
}
