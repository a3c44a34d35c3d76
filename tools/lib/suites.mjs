import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bunPath } from './dependencies.mjs'
import { countRun } from './junit.mjs'
import { cache, eachTwoAtATime, root, run } from './run.mjs'

/** Where each stage leaves its JUnit report. */
export const reports = join(cache, 'junit')

/**
 * @typedef {object} Stage
 * @property {string} name also the name of its report
 * @property {string[]} roots folders or files whose tests it runs
 * @property {'sqlite' | 'postgres'} database what `createTestApp` works on
 * @property {boolean} postgres whether the tests get TEST_POSTGRES_URL
 * @property {number} pieces into how many runs its files are dealt, of which two are made at a time; 1 where tests want the machine for themselves
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
    pieces: 6,
    seconds: 300,
    testSeconds: 20,
  },
  {
    // What knows a database; the rest of src/platform would prove the same again.
    name: 'postgres',
    roots: ['src/core', 'src/jobs', ...['backup', 'db', 'limits', 'queue'].map((part) => `src/platform/${part}`)],
    database: 'postgres',
    postgres: true,
    pieces: 4,
    seconds: 240,
    testSeconds: 20,
  },
  {
    name: 'clients',
    roots: ['test/clients'],
    database: 'sqlite',
    postgres: false,
    pieces: 6,
    seconds: 300,
    testSeconds: 60,
  },
  {
    // Composers beside the installed one; see composer-versions.mjs.
    name: 'versions',
    roots: ['test/versions'],
    database: 'sqlite',
    postgres: false,
    pieces: 2,
    seconds: 120,
    testSeconds: 60,
  },
  {
    name: 'fault',
    roots: ['test/fault', 'test/races', 'test/cli'],
    database: 'sqlite',
    postgres: true,
    pieces: 1,
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
  mkdirSync(reports, { recursive: true })
  for (const name of readdirSync(reports)) if (name.startsWith(`${stage.name}-`)) rmSync(join(reports, name))
  const started = Date.now()
  const hands = deal(files, stage.pieces)
  const total = { passed: 0, failed: 0, problems: /** @type {string[]} */ ([]), output: '' }
  await eachTwoAtATime([...hands.entries()], async ([index, some]) => {
    const left = seconds - (Date.now() - started) / 1000
    const count = await runFiles(stage, { files: some, piece: index + 1, seconds: left, quiet, postgresUrl })
    total.passed += count.passed
    total.failed += count.failed
    total.problems.push(...count.problems)
    total.output += count.output
  })
  return { ...total, seconds: (Date.now() - started) / 1000 }
}

/**
 * Deals files like cards, so that neighbours, which tend to take alike, end in different hands. There is always one hand.
 * @param {string[]} files
 * @param {number} count
 * @returns {string[][]}
 */
export function deal(files, count) {
  const hands = Array.from({ length: Math.max(1, Math.min(count, files.length)) }, () => /** @type {string[]} */ ([]))
  files.forEach((file, index) => hands[index % hands.length]?.push(file))
  return hands
}

/**
 * @param {Stage} stage
 * @param {{ files: string[], piece: number, seconds: number, quiet: boolean, postgresUrl: string | undefined }} wanted
 */
async function runFiles(stage, { files, piece, seconds, quiet, postgresUrl }) {
  if (files.length === 0) return { ...countRun({ xml: null, files, exitCode: 0, timedOut: false }), output: '' }
  const report = join(reports, `${stage.name}-${piece}.xml`)
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
  return { ...count, output: outcome.output }
}
