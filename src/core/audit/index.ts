export { AUDIT_CSV_HEADING, toAuditCsv, toAuditDocument, toAuditJson } from './audit-formats.ts'
export type { AuditEntry } from './audit-entry.ts'
export { EVENT_TYPES, listAuditEvents, listAuditEventsAfter, streamAuditEvents, type AuditQuery } from './list-events.ts'
export { purgeEvents } from './purge-events.ts'
