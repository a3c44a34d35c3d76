import { rmSync } from 'node:fs'
import { checkTasks, runTwoAtATime } from './lib/checks.mjs'
import { ensureComposerVersions } from './lib/composer-versions.mjs'
import { ensureDependencies } from './lib/dependencies.mjs'
import { startPostgres } from './lib/postgres.mjs'
import { end, endOnSignals, onEnd } from './lib/run.mjs'
import { filesOf, filesOfNoStage, listTestFiles, reports, runStage, stages } from './lib/suites.mjs'
import { ensureSystem, testComponents } from './lib/system.mjs'

/**
 * Everything that proves the product, from a machine with Node and npm (and Debian's packages as root).
 * The last line is `N passed, N failed`. A check counts as one test; whatever prevents tests from running counts as a failure.
 */
const totalSeconds = 14 * 60
const deadline = Date.now() + totalSeconds * 1000
const total = { passed: 0, failed: 0 }

endOnSignals()
try {
  await ensureDependencies()
  await ensureSystem(testComponents)
  const lack = await lackOfComposers()
  await runChecks()
  await runStages(lack === null ? stages : stages.filter((stage) => stage.name !== 'versions'))
  if (lack !== null) console.error(`NOT PROVED with the oldest and the newest Composer: ${lack}`)
} catch (error) {
  reportFailure(error instanceof Error ? error.message : String(error))
}
console.log(`${total.passed} passed, ${total.failed} failed`)
await end(total.failed === 0 ? 0 : 1)

async function runChecks() {
  for (const { ok } of await runTwoAtATime(checkTasks())) {
    if (ok) total.passed += 1
    else total.failed += 1
  }
}

/**
 * Debian keeps old and new suites as long as it likes, and a machine may see one suite alone. Then everything else is proved, and what is not is said.
 * @returns {Promise<string | null>} why Composers beside the installed one cannot be had
 */
async function lackOfComposers() {
  try {
    await ensureComposerVersions()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** @param {readonly import('./lib/suites.mjs').Stage[]} wanted */
async function runStages(wanted) {
  // What an earlier run left would be read as part of this one.
  rmSync(reports, { recursive: true, force: true })
  const files = listTestFiles()
  for (const file of filesOfNoStage(files)) reportFailure(`${file} belongs to no stage of tools/lib/suites.mjs.`)
  const postgresUrl = await postgres()
  for (const stage of wanted) {
    if (stage.postgres && postgresUrl === undefined) {
      reportFailure(`Stage ${stage.name} could not run without PostgreSQL.`)
      continue
    }
    const seconds = Math.min(stage.seconds, (deadline - Date.now()) / 1000)
    const count = await runStage(stage, { files: filesOf(stage, files), seconds, postgresUrl })
    for (const problem of count.problems) console.error(problem)
    console.log(`Stage ${stage.name}: ${count.passed} passed, ${count.failed} failed in ${count.seconds.toFixed(1)} s`)
    total.passed += count.passed
    total.failed += count.failed
  }
}

/** @returns {Promise<string | undefined>} */
async function postgres() {
  try {
    const server = await startPostgres()
    onEnd(server.stop)
    return server.url
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return undefined
  }
}

/** @param {string} sentence */
function reportFailure(sentence) {
  console.error(sentence)
  total.failed += 1
}
