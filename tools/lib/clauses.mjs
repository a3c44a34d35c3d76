/**
 * @typedef {'CO' | 'PR' | 'PP' | 'GL' | 'CM'} Dialect
 * @typedef {Record<string, string>} Clauses id → one-line title
 */

/** @type {Record<Dialect, { title: string, contract: string }>} */
export const dialects = {
  CO: { title: 'Composer protocol', contract: 'composer.md' },
  PP: { title: 'Private Packagist', contract: 'private-packagist.md' },
  GL: { title: 'GitLab', contract: 'gitlab.md' },
  PR: { title: 'Pricore', contract: 'pricore.md' },
  CM: { title: 'Cargoman', contract: 'cargoman.md' },
}

const longestTitle = 140

/**
 * Reads the clauses of a contract's checklist: table rows, list items and sentences that begin with an id,
 * with ids separated by commas, or with a range such as `CM-121 … CM-127`.
 * @param {string} markdown
 * @param {string} dialect
 * @returns {Clauses}
 */
export function parseClauses(markdown, dialect) {
  /** @type {Clauses} */
  const clauses = {}
  const id = `${dialect}-\\d{3}\\b`
  const entry = new RegExp(`^(?:\\s*(?:\\||[-*]|\\d+\\.))?\\s*(${id}(?:\\s*[,…]\\s*${id})*)(.*)$`)
  // Only prose puts several entries on one line, with semicolons between them.
  const entries = checklistOf(markdown).flatMap((line) => (line.startsWith(`${dialect}-`) ? line.split(/;\s+/) : [line]))
  for (const text of entries) {
    const [, ids = '', title = ''] = text.match(entry) ?? []
    for (const number of numbersIn(ids)) clauses[`${dialect}-${String(number).padStart(3, '0')}`] ??= toTitle(title)
  }
  return clauses
}

/**
 * The ids that a test's name carries.
 * @param {string} name
 * @returns {string[]}
 */
export function idsIn(name) {
  return [...new Set(name.match(/\b(?:CO|PR|PP|GL|CM)-\d{3}\b/g) ?? [])]
}

/**
 * What the tests say about each id: failed when any test that carries it did not pass.
 * @param {{ name: string, outcome: 'passed' | 'failed' | 'skipped' }[]} tests
 * @returns {Map<string, 'passed' | 'failed'>}
 */
export function statusOfIds(tests) {
  /** @type {Map<string, 'passed' | 'failed'>} */
  const status = new Map()
  for (const { name, outcome } of tests) {
    for (const id of idsIn(name)) {
      if (outcome !== 'passed') status.set(id, 'failed')
      else if (!status.has(id)) status.set(id, 'passed')
    }
  }
  return status
}

/**
 * The lines of the section whose heading speaks of a checklist.
 * @param {string} markdown
 */
function checklistOf(markdown) {
  const lines = markdown.split('\n')
  const start = lines.findIndex((line) => /^## .*checklist/i.test(line))
  if (start === -1) throw new Error('The contract has no section with "checklist" in its heading.')
  const length = lines.slice(start + 1).findIndex((line) => line.startsWith('## '))
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length)
}

/**
 * @param {string} ids such as `CM-001, CM-004 … CM-006`
 * @returns {number[]}
 */
function numbersIn(ids) {
  return ids.split(',').flatMap((part) => {
    const [first = NaN, last = first] = (part.match(/\d{3}/g) ?? []).map(Number)
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/** @param {string} text the rest of a row, table cells included */
function toTitle(text) {
  const cells = text.replace(/\\\|/g, '¦').split('|')
  const title = cells
    .map((cell) => cell.trim())
    .filter((cell) => cell !== '' && !/^[MSO–-]$/.test(cell))
    .join(' — ')
    .replaceAll('¦', '|')
  return title.length <= longestTitle ? title : `${title.slice(0, longestTitle - 1).trimEnd()}…`
}
