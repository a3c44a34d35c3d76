/**
 * One test of a JUnit report.
 * @typedef {object} TestCase
 * @property {string} file
 * @property {string} name the enclosing groups and the test, joined by spaces
 * @property {'passed' | 'failed' | 'skipped'} outcome
 *
 * @typedef {object} StageCount
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} problems one sentence for each failure that is not a failed test
 */

/**
 * Reads the report that `bun test --reporter=junit` writes.
 * @param {string} xml
 * @returns {TestCase[]}
 */
export function parseJunit(xml) {
  const cases = []
  for (const [, head = '', , body = ''] of xml.matchAll(/<testcase\s([^>]*?)(\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const group = attribute(head, 'classname')
    const name = attribute(head, 'name')
    cases.push({ file: attribute(head, 'file'), name: group === '' ? name : `${group} ${name}`, outcome: outcomeOf(body) })
  }
  return cases
}

/**
 * Counts one run of `bun test`. A skipped test is a failure. So is a file without a single reported test: Bun leaves out
 * of the report what it could not load, and writes no report at all when the process dies.
 * @param {{ xml: string | null, files: string[], exitCode: number, timedOut: boolean }} run
 * @returns {StageCount}
 */
export function countRun({ xml, files, exitCode, timedOut }) {
  const cases = xml === null ? [] : parseJunit(xml)
  const passed = cases.filter((test) => test.outcome === 'passed').length
  const skipped = cases.filter((test) => test.outcome === 'skipped')
  const reported = new Set(cases.map((test) => test.file))
  const silent = files.filter((file) => !reported.has(file))

  const problems = [
    ...skipped.map((test) => `${test.file}: "${test.name}" was skipped.`),
    ...silent.map((file) => `${file}: no test was reported.`),
  ]
  if (timedOut) problems.push('The time was over and the run was ended.')
  if (files.length === 0) problems.push('There is no test file.')
  const failedTests = cases.length - passed - skipped.length
  if (exitCode !== 0 && failedTests + problems.length === 0) problems.push(`bun test ended with exit code ${exitCode}.`)
  return { passed, failed: failedTests + problems.length, problems }
}

/**
 * @param {string} body
 * @returns {TestCase['outcome']}
 */
function outcomeOf(body) {
  if (/<(failure|error)\b/.test(body)) return 'failed'
  return /<skipped\b/.test(body) ? 'skipped' : 'passed'
}

/**
 * @param {string} head
 * @param {string} name
 */
function attribute(head, name) {
  const value = head.match(new RegExp(`(?:^|\\s)${name}="([^"]*)"`))?.[1] ?? ''
  return value.replace(/&(?:#(\d+)|(lt|gt|quot|apos|amp));/g, (_, code, entity) =>
    code === undefined ? entities[entity] : String.fromCodePoint(Number(code)),
  )
}

/** @type {Record<string, string>} */
const entities = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }
