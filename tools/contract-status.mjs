import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dialects, parseClauses, statusOfIds } from './lib/clauses.mjs'
import { parseJunit } from './lib/junit.mjs'
import { fail, root } from './lib/run.mjs'
import { reports } from './lib/suites.mjs'

/**
 * How much of each contract the tests of the last run prove. A test proves the clauses whose ids its name carries.
 * `--dialect CO` lists every clause of one contract, `--refresh` copies ids and titles from the contracts into docs.
 */
const contracts = join(root, '../shared/contracts')
const copy = join(root, 'docs/contract-clauses.json')
const { values: options } = parseArgs({ options: { dialect: { type: 'string' }, refresh: { type: 'boolean' } } })
if (options.dialect !== undefined && !(options.dialect in dialects))
  fail(`There is no dialect ${options.dialect}; there are ${Object.keys(dialects).join(', ')}.`)

const clauses = readClauses()
if (options.refresh) writeFileSync(copy, `${JSON.stringify(clauses, null, 2)}\n`)
const status = readStatus()
if (options.dialect === undefined) printOverview()
else printDialect(options.dialect)

/** @returns {Record<string, import('./lib/clauses.mjs').Clauses>} by dialect */
function readClauses() {
  if (!existsSync(contracts)) {
    if (options.refresh || !existsSync(copy)) fail(`The contracts are not at ${contracts}.`)
    return JSON.parse(readFileSync(copy, 'utf8'))
  }
  return Object.fromEntries(
    Object.entries(dialects).map(([dialect, { contract }]) => [
      dialect,
      parseClauses(readFileSync(join(contracts, contract), 'utf8'), dialect),
    ]),
  )
}

/** Null when no tests have run. */
function readStatus() {
  const files = existsSync(reports) ? readdirSync(reports).filter((name) => name.endsWith('.xml')) : []
  if (files.length === 0) return null
  return statusOfIds(files.flatMap((name) => parseJunit(readFileSync(join(reports, name), 'utf8'))))
}

function printOverview() {
  console.log(`${'contract'.padEnd(22)}clauses  passed  failed  without test`)
  for (const [dialect, { title }] of Object.entries(dialects)) {
    const found = Object.keys(clauses[dialect] ?? {}).map(statusOf)
    const columns = ['passed', 'failed', 'without test'].map((kind) => found.filter((one) => one === kind).length)
    const [passed, failed, without] = status === null ? ['?', '?', '?'] : columns
    console.log(`${`${dialect} ${title}`.padEnd(22)}${pad(found.length, 7)}${pad(passed, 8)}${pad(failed, 8)}${pad(without, 14)}`)
  }
  if (status === null) console.log('No test results: run npm test first. Every clause is unknown.')
  const known = new Set(Object.values(clauses).flatMap((one) => Object.keys(one)))
  const stray = [...(status?.keys() ?? [])].filter((id) => !known.has(id))
  if (stray.length > 0) console.log(`Tests name ids that no checklist has: ${stray.sort().join(', ')}`)
}

/** @param {string} dialect */
function printDialect(dialect) {
  for (const [id, title] of Object.entries(clauses[dialect] ?? {})) console.log(`${id}  ${statusOf(id).padEnd(12)}  ${title}`)
}

/** @param {string} id */
function statusOf(id) {
  return status === null ? 'unknown' : (status.get(id) ?? 'without test')
}

/**
 * @param {string | number | undefined} value
 * @param {number} width
 */
function pad(value, width) {
  return String(value).padStart(width)
}
