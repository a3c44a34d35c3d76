import { join } from 'node:path'
import { eachTwoAtATime, root, run } from './run.mjs'

/** @typedef {{ name: string, ok: boolean, seconds: number, output: string }} CheckResult */

const checkSeconds = 170

/** What is checked beside the tests. @type {{ name: string, program: string, args: string[] }[]} */
const checks = [
  { name: 'lint', program: 'oxlint', args: ['--deny-warnings'] },
  { name: 'types', program: 'tsc', args: ['-p', '.'] },
  { name: 'format', program: 'oxfmt', args: ['--check'] },
  { name: 'unused code', program: 'knip', args: ['--no-progress'] },
]

/**
 * The checks as functions to run and report.
 * @returns {(() => Promise<CheckResult>)[]}
 */
export function checkTasks() {
  return checks.map(({ name, program, args }) => async () => {
    const { code, output, seconds } = await run(join(root, 'node_modules/.bin', program), args, {
      quiet: true,
      seconds: checkSeconds,
    })
    return { name, ok: code === 0, seconds, output }
  })
}

/**
 * Runs tasks two at a time, the number of cores that everybody has, and prints each result as it comes.
 * @param {(() => Promise<CheckResult>)[]} tasks
 * @returns {Promise<CheckResult[]>}
 */
export async function runTwoAtATime(tasks) {
  /** @type {CheckResult[]} */
  const results = []
  await eachTwoAtATime(tasks, async (task) => {
    const result = await task()
    results.push(result)
    printResult(result)
  })
  return results
}

/** @param {CheckResult} result */
export function printResult({ name, ok, seconds, output }) {
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(12)} ${seconds.toFixed(1).padStart(6)} s`)
  if (!ok && output.trim() !== '') console.log(output.trimEnd())
}
