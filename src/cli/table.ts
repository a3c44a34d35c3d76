import { toInert } from './inert.ts'

const GAP = '  '
const SHORTEST_LAST = 20

/**
 * Aligned columns with a heading. Cells are made inert. On a terminal of `width` columns the last column is cut so that a row
 * stays on one line; elsewhere (`width` null) nothing is lost.
 */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[], width: number | null): string {
  const lines = [headings, ...rows].map((cells) => cells.map(toInert))
  const widths = headings.map((_, column) => Math.max(...lines.map((cells) => Bun.stringWidth(cells[column] ?? ''))))
  return lines.map((cells) => formatRow(cells, widths, width)).join('\n')
}

function formatRow(cells: readonly string[], widths: readonly number[], width: number | null): string {
  const last = cells.length - 1
  const head = cells.slice(0, last).map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell)) + GAP)
  const start = head.join('')
  const tail = cells[last] ?? ''
  return (start + (width === null ? tail : cut(tail, Math.max(SHORTEST_LAST, width - Bun.stringWidth(start))))).trimEnd()
}

function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) {
    return text
  }
  let result = ''
  let used = 1
  for (const character of text) {
    used += Bun.stringWidth(character)
    if (used > width) {
      break
    }
    result += character
  }
  return `${result}…`
}

/** Names and values below each other; values are made inert. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${`${name}:`.padEnd(width + 1)}${GAP}${toInert(value)}`.trimEnd()).join('\n')
}
