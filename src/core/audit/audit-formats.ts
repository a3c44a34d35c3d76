import type { AuditEntry } from './audit-entry.ts'

/** The columns of an export as CSV. */
const COLUMNS = [
  'at',
  'type',
  'organization',
  'actor_kind',
  'actor',
  'sentence',
  'surface',
  'address',
  'agent',
  'request',
  'data',
] as const

/** The heading of an export as CSV, with its line end. */
export const AUDIT_CSV_HEADING = `${COLUMNS.join(',')}\r\n`

/** An event as one line of JSON. Its keys are stable; `id` is the event's uid. */
export function toAuditJson(entry: AuditEntry): string {
  return `${JSON.stringify(toAuditDocument(entry))}\n`
}

/** An event as a document for programs. */
export function toAuditDocument(entry: AuditEntry): Record<string, unknown> {
  return {
    id: entry.uid,
    type: entry.type,
    at: new Date(entry.at).toISOString(),
    organization: entry.organization?.path ?? null,
    actor: { kind: entry.actor.kind, id: entry.actor.id, name: entry.actor.name },
    sentence: entry.sentence,
    origin: entry.origin,
    data: entry.data,
  }
}

/** An event as one line of CSV (RFC 4180). */
export function toAuditCsv(entry: AuditEntry): string {
  const { origin } = entry
  const cells: Record<(typeof COLUMNS)[number], string | null> = {
    at: new Date(entry.at).toISOString(),
    type: entry.type,
    organization: entry.organization?.path ?? null,
    actor_kind: entry.actor.kind,
    actor: entry.actor.name,
    sentence: entry.sentence,
    surface: origin.surface,
    address: origin.address,
    agent: origin.agent,
    request: origin.requestId,
    data: JSON.stringify(entry.data),
  }
  return `${COLUMNS.map((column) => toCell(cells[column] ?? '')).join(',')}\r\n`
}

/** Spreadsheets run what begins like a formula, also after blanks: such cells get an apostrophe. */
function toCell(text: string): string {
  const inert = /^[\s\0]*[=+\-@]/.test(text) || /^[\t\r\n]/.test(text) ? `'${text}` : text
  return `"${inert.replaceAll('"', '""')}"`
}
