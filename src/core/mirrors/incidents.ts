import type { Tx } from '../kernel/ctx.ts'
import type { OrganizationId, SourceId } from '../kernel/values.ts'
import { upsertIncident } from './incidents.sql.ts'

/**
 * What an upstream may do that must not pass unnoticed. `checksum`: another checksum for the same reference; the first stays. `bytes`: other bytes
 * than before, or than announced; they are not used. `moved`: a release has another reference. `suspect`: a version changes what it may do on
 * install. `vanished`: most versions of a package went at once. `gone`: a package does not exist upstream any more. `reserved`: the upstream
 * offers a name that is private here. `taken-over`: a mirrored package was given over to a private source. `archive-missing`: the upstream does not have
 * an archive that it names. `archive-unusable`: what it sends is no such archive.
 */
export type IncidentKind =
  | 'checksum'
  | 'bytes'
  | 'moved'
  | 'suspect'
  | 'vanished'
  | 'gone'
  | 'reserved'
  | 'taken-over'
  | 'archive-missing'
  | 'archive-unusable'

/** An incident to be noted. `subject` is a package, or package and reference; `detail` is a sentence for people. */
export interface NewIncident {
  organization: OrganizationId
  source: SourceId
  kind: IncidentKind
  subject: string
  detail: string
}

const LONGEST_DETAIL = 500

/**
 * Notes an incident in the caller's transaction, once for each mirror, kind and subject; an event says so when it is new or says something else
 * than before.
 */
export async function recordIncident(tx: Tx, incident: NewIncident): Promise<void> {
  const { organization, source, kind, subject } = incident
  const detail = incident.detail.slice(0, LONGEST_DETAIL)
  if (await upsertIncident(tx.db, { uid: tx.newId(), source, kind, subject, detail, at: tx.now })) {
    await tx.record({ type: 'mirror.incident', organization, source, kind, subject, detail })
  }
}
