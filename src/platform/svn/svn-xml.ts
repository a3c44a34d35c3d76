import { DomainError } from '../../core/kernel/errors.ts'

/** A file or directory as `svn list --xml` and `svn info --xml` show it, with its last change. */
export interface SvnEntry {
  kind: 'dir' | 'file'
  name: string
  revision: number
  /** Seconds since 1970; 0 when the repository has no date for it. */
  changedAt: number
}

const LIST = /<list\s+path="([^"]*)">([\s\S]*?)<\/list>/g
const ENTRY = /<entry\s+([^>]*)>([\s\S]*?)<\/entry>/g
const REFERENCES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** The lists that `svn list --xml` printed, in the order of its targets. */
export function parseSvnLists(xml: string): SvnEntry[][] {
  return [...xml.matchAll(LIST)].map(([, , body = '']) =>
    [...body.matchAll(ENTRY)].map(([, attributes = '', entry = '']) => {
      return { kind: toKind(attributes), name: textOf(entry, 'name'), ...toChange(entry) }
    }),
  )
}

/** What `svn info --xml` printed about one directory: the repository's youngest revision and the directory's last change. Throws `source_invalid` for a file. */
export function parseSvnInfo(xml: string): { youngest: number; root: SvnEntry } {
  const [, attributes = '', entry = ''] = ENTRY_ONCE.exec(xml) ?? []
  const youngest = Number(/(?:^|\s)revision="(\d+)"/.exec(attributes)?.[1] ?? Number.NaN)
  if (!Number.isInteger(youngest) || toKind(attributes) !== 'dir') {
    throw new DomainError('source_invalid', { problem: 'the URL does not name a directory of a Subversion repository' })
  }
  return { youngest, root: { kind: 'dir', name: '', ...toChange(entry) } }
}

const ENTRY_ONCE = new RegExp(ENTRY.source)

function toKind(attributes: string): SvnEntry['kind'] {
  return /(?:^|\s)kind="dir"/.test(attributes) ? 'dir' : 'file'
}

function toChange(entry: string): { revision: number; changedAt: number } {
  const revision = Number(/<commit\s+revision="(\d+)"/.exec(entry)?.[1] ?? 0)
  const time = Date.parse(textOf(entry, 'date'))
  return { revision, changedAt: Number.isFinite(time) ? Math.floor(time / 1000) : 0 }
}

function textOf(xml: string, element: string): string {
  const text = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(xml)?.[1] ?? ''
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hexadecimal, name) => {
    if (name !== undefined) return REFERENCES[name as string] ?? whole
    const code = decimal === undefined ? Number.parseInt(hexadecimal as string, 16) : Number(decimal)
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ''
  })
}
