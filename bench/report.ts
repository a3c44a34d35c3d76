import { isMet, ratioSpread, toSpread, type Result, type Spread } from './results.ts'

const COLUMNS = [
  'case',
  'unit',
  'ours min / median / max',
  'compared with',
  'its min / median / max',
  'ratio min / median / max',
  'CPU µs per request',
  'target',
  'met',
]

/** The results as a Markdown table, which reads well on a terminal too. */
export function renderTable(results: readonly Result[]): string {
  const rows = results.map(toRow)
  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`
  return [line(COLUMNS), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n')
}

function toRow(result: Result): string[] {
  const { reference, note } = result
  const ratio = ratioSpread(result)
  return [
    note === null ? result.name : `${result.name} (${note})`,
    result.unit,
    renderSpread(toSpread(result.ours)),
    reference?.name ?? '–',
    reference === null ? '–' : renderSpread(toSpread(reference.samples)),
    ratio === null ? '–' : [ratio.min, ratio.median, ratio.max].map((value) => value.toFixed(2)).join(' / '),
    renderCost(result),
    renderGoal(result),
    renderVerdict(result),
  ]
}

function renderSpread({ min, median, max }: Spread): string {
  return [min, median, max].map(renderNumber).join(' / ')
}

function renderNumber(value: number): string {
  if (value >= 100) {
    return Math.round(value).toLocaleString('en')
  }
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** The medians of both sides. */
function renderCost({ cost }: Result): string {
  if (cost === null) {
    return '–'
  }
  const [ours, theirs] = [toSpread(cost.ours).median, toSpread(cost.reference).median]
  return `${renderNumber(ours)} : ${renderNumber(theirs)}`
}

function renderGoal({ goal, unit }: Result): string {
  switch (goal?.kind) {
    case undefined:
      return '–'
    case 'ratio_at_least':
      return `≥ ${goal.value.toFixed(2)} ×`
    case 'ratio_at_most':
      return `≤ ${goal.value.toFixed(2)} ×`
    case 'at_most':
      return `≤ ${goal.value.toLocaleString('en')} ${unit}`
  }
}

function renderVerdict(result: Result): string {
  const met = isMet(result)
  if (met === null) {
    return '–'
  }
  return met ? 'yes' : '**no**'
}
