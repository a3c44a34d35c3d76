import type { ReactingTx } from '../kernel/ctx.ts'
import type { DomainEvent, RecordedEvent } from '../kernel/events.ts'
import type { OrganizationId, SourceId } from '../kernel/values.ts'
import { findOrganization, findRepositoryOptions } from '../organizations/index.ts'
import { deleteNotice, insertNotice } from './notices.sql.ts'

/** How long news are gathered before one mail tells them all: many sources fail together when their host does. */
const GATHERED_FOR = 5 * 60 * 1000
const MOST_TRIES = 100

type About<Type extends DomainEvent['type']> = Extract<DomainEvent, { type: Type }>

/**
 * Reacts to the events of a transaction: notes what administrators should be told, once for each turn from working to failing and back, and once
 * for each commit that a tag was moved to. A failure that ends before the mail went out is never told.
 */
export async function noticeEvents(tx: ReactingTx, events: readonly RecordedEvent[]): Promise<void> {
  const told = new Set<OrganizationId>()
  for (const { event } of events) {
    if ((await note(tx, event)) && event.organization !== null) {
      told.add(event.organization)
    }
  }
  for (const organization of [...told].toSorted((left, right) => left - right)) {
    await scheduleNotices(tx, organization)
  }
}

/** Enqueues the mail that tells an organization its news; news that come until then join it. */
export async function scheduleNotices(tx: ReactingTx, organization: OrganizationId): Promise<void> {
  await tx.enqueue({
    kind: 'notices.send',
    payload: { organization },
    organization,
    dedupeKey: `notices.send:${organization}`,
    lane: 'background',
    runAt: tx.now + GATHERED_FOR,
    maxAttempts: MOST_TRIES,
  })
}

/** True when there is something new to tell. */
async function note(tx: ReactingTx, event: DomainEvent): Promise<boolean> {
  switch (event.type) {
    case 'source.failed':
    case 'mirror.failed':
      return noteFailure(tx, event)
    case 'source.synced':
    case 'mirror.refreshed':
      return noteRecovery(tx, event)
    case 'mirror.incident':
      return noteIncident(tx, { ...event, mirror: event.source })
    case 'package.taken-over':
      return noteIncident(tx, { ...event, kind: 'taken-over', subject: event.name })
    case 'source.removed':
    case 'mirror.removed':
      await forgetSource(tx, event)
      return false
    case 'version.reference-changed':
      return noteMoved(tx, event)
    case 'finding.opened':
      return noteFinding(tx, event)
    case 'webhook.disabled':
      return noteDisabled(tx, event)
    case 'webhook.enabled':
    case 'webhook.removed':
      await deleteNotice(tx.db, toKey(event, 'webhook_disabled', event.webhook))
      return false
    default:
      return false
  }
}

async function noteFailure(tx: ReactingTx, event: About<'source.failed' | 'mirror.failed'>): Promise<boolean> {
  await deleteNotice(tx.db, toKey(event, 'source_recovered', event.source))
  const kind = event.code === 'source_refused' ? 'credential_refused' : 'source_failing'
  return insertNotice(tx.db, toKey(event, kind, event.source), tx.now)
}

async function noteRecovery(tx: ReactingTx, event: About<'source.synced' | 'mirror.refreshed'>): Promise<boolean> {
  const failure = await deleteNotice(tx.db, toKey(event, 'source_failing', event.source))
  const refusal = await deleteNotice(tx.db, toKey(event, 'credential_refused', event.source))
  const wasTold = failure === 'told' || refusal === 'told'
  return wasTold && insertNotice(tx.db, toKey(event, 'source_recovered', event.source), tx.now)
}

/** Told once for each kind and subject, also when it is noticed again. */
async function noteIncident(
  tx: ReactingTx,
  event: { organization: OrganizationId; mirror: SourceId; kind: string; subject: string },
): Promise<boolean> {
  const { organization, mirror, kind, subject } = event
  return insertNotice(tx.db, { organization, kind: 'mirror_incident', subject: `${mirror}:${kind}:${subject}` }, tx.now)
}

async function forgetSource(tx: ReactingTx, event: About<'source.removed' | 'mirror.removed'>): Promise<void> {
  for (const kind of ['source_failing', 'credential_refused', 'source_recovered'] as const) {
    await deleteNotice(tx.db, toKey(event, kind, event.source))
  }
}

/** Branches move all the time, and whoever replaces an upload knows it. What a sync finds is news: published tags stay where they are. */
async function noteMoved(tx: ReactingTx, event: About<'version.reference-changed'>): Promise<boolean> {
  if (tx.actor.kind !== 'system' || !event.ref.startsWith('refs/tags/')) {
    return false
  }
  const { organization, version, to } = event
  return insertNotice(tx.db, { organization, kind: 'tag_moved', subject: `${event.package}:${to}:${version}` }, tx.now)
}

/** One notice for each package and comparison. What an upstream publishes is the business of those who require it, and their packages are told. */
async function noteFinding(tx: ReactingTx, event: About<'finding.opened'>): Promise<boolean> {
  const { organization } = event
  const told = event.isMirrored ? null : await findOrganization(tx.db, organization)
  if (told === null || !(await findRepositoryOptions(tx.db, told.id)).auditNotices) {
    return false
  }
  return insertNotice(tx.db, { organization, kind: 'finding_opened', subject: `${event.package}:${tx.now}` }, tx.now)
}

/** Whoever switches a hook off knows it. */
async function noteDisabled(tx: ReactingTx, event: About<'webhook.disabled'>): Promise<boolean> {
  return tx.actor.kind === 'system' && insertNotice(tx.db, toKey(event, 'webhook_disabled', event.webhook), tx.now)
}

function toKey(
  event: { organization: OrganizationId },
  kind: 'source_failing' | 'source_recovered' | 'credential_refused' | 'webhook_disabled',
  subject: number,
) {
  return { organization: event.organization, kind, subject: String(subject) }
}
