import { checkTasks, runTwoAtATime } from './lib/checks.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { end, endOnSignals, fail } from './lib/run.mjs'
import { fastStage, runStage } from './lib/suites.mjs'

/** What each commit has to pass: format, lint, types, unused code and the fast tests. */
endOnSignals()
try {
  await ensureDependencies()
  const results = await runTwoAtATime([fastTests, ...checkTasks()])
  const failed = results.filter((result) => !result.ok).map((result) => result.name)
  console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`)
  await end(failed.length === 0 ? 0 : 1)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}

async function fastTests() {
  const run = await runStage(fastStage, { quiet: true })
  const output = [run.output, ...run.problems, `${run.passed} passed, ${run.failed} failed`]
  return { name: 'fast tests', ok: run.failed === 0, seconds: run.seconds, output: output.join('\n') }
}
