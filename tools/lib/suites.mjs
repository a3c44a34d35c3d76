import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bunPath } from './dependencies.mjs'
import { countRun } from './junit.mjs'
import { cache, root, run } from './run.mjs'

/** Where each stage leaves its JUnit report. */
export const reports = join(cache, 'junit')

/**
 * @typedef {object} Stage
 * @property {string} name also the name of its report
 * @property {string[]} roots folders or files whose tests it runs
 * @property {'sqlite' | 'postgres'} database what `createTestApp` works on
 * @property {boolean} postgres whether the tests get TEST_POSTGRES_URL
 * @property {number} seconds how long the stage may take
 * @property {number} testSeconds how long one test may take unless it says so itself
 */

/**
 * Every test file belongs to at least one stage; `npm test` fails on one that belongs to none.
 * @type {Stage[]}
 */
export const stages = [
  {
    name: 'sqlite',
    roots: ['src', 'tools', 'test/architecture.test.ts', 'test/kit', 'test/contract', 'test/property'],
    database: 'sqlite',
    postgres: false,
    seconds: 300,
    testSeconds: 10,
  },
  {
    name: 'postgres',
    roots: ['src/core', 'src/platform', 'src/jobs'],
    database: 'postgres',
    postgres: true,
    seconds: 240,
    testSeconds: 20,
  },
  { name: 'clients', roots: ['test/clients'], database: 'sqlite', postgres: false, seconds: 240, testSeconds: 60 },
  {
    name: 'fault',
    roots: ['test/fault', 'test/races', 'test/cli'],
    database: 'sqlite',
    postgres: true,
    seconds: 480,
    testSeconds: 60,
  },
]

/** The stage that `npm run check` runs too. */
export const fastStage = /** @type {Stage} */ (stages[0])

/**
 * All test files below the repository's source folders.
 * @returns {string[]} paths from the root
 */
export function listTestFiles() {
  return ['src', 'test', 'tools']
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => relative(root, join(folder, path))),
    )
    .filter((path) => /\.test\.(ts|tsx|mjs)$/.test(path) && !path.includes('node_modules/'))
    .sort()
}

/**
 * @param {Stage} stage
 * @param {string[]} files
 */
export function filesOf(stage, files) {
  return files.filter((file) => stage.roots.some((path) => file === path || file.startsWith(`${path}/`)))
}

/** @param {string[]} files */
export function filesOfNoStage(files) {
  const covered = new Set(stages.flatMap((stage) => filesOf(stage, files)))
  return files.filter((file) => !covered.has(file))
}

/**
 * Runs a stage and counts it. Bun ends whatever its tests have left running.
 * @param {Stage} stage
 * @param {{ files?: string[], seconds?: number, quiet?: boolean, postgresUrl?: string | undefined }} [options]
 * @returns {Promise<import('./junit.mjs').StageCount & { seconds: number, output: string }>}
 */
export async function runStage(
  stage,
  { files = filesOf(stage, listTestFiles()), seconds = stage.seconds, quiet = false, postgresUrl } = {},
) {
  const report = join(reports, `${stage.name}.xml`)
  mkdirSync(reports, { recursive: true })
  rmSync(report, { force: true })
  if (files.length === 0) return { ...countRun({ xml: null, files, exitCode: 0, timedOut: false }), seconds: 0, output: '' }

  const flags = [
    '--no-orphans',
    '--only-failures',
    `--timeout=${stage.testSeconds * 1000}`,
    '--reporter=junit',
    `--reporter-outfile=${report}`,
  ]
  const env = {
    // With CI set Bun refuses `test.only` and new snapshots, which would hide tests.
    CI: '1',
    REPERTOIRE_TEST_DATABASE: stage.database,
    TEST_POSTGRES_URL: stage.postgres ? postgresUrl : undefined,
  }
  const outcome = await run(bunPath(), ['test', ...flags, ...files.map((file) => `./${file}`)], { env, seconds, quiet })
  const xml = existsSync(report) ? readFileSync(report, 'utf8') : null
  const count = countRun({ xml, files, exitCode: outcome.code, timedOut: outcome.timedOut })
  return { ...count, seconds: outcome.seconds, output: outcome.output }
}
