/** What channels are told of an event (contract pricore.md §12). Clients listen with a leading dot, as these names have no namespace. */
import type { FollowedEvent } from '../../core/audit/index.ts'
import type { Source } from '../../core/sources/index.ts'

/** A message for a channel; the organization's uid is added to its data. */
export interface Broadcast {
  event: 'repository.sync.status-updated' | 'mirror.sync.status-updated' | 'activity.recorded' | 'security.advisories-updated'
  data: Readonly<Record<string, string | null>>
}

type EventType = FollowedEvent['type']

/** The activity types of the contract that our events have. Keys of servers and updates of keys are not recorded one by one. */
const ACTIVITIES: Partial<Record<EventType, string>> = {
  'source.added': 'repository.added',
  'source.removed': 'repository.removed',
  'source.synced': 'repository.synced',
  'source.failed': 'repository.sync_failed',
  'mirror.added': 'mirror.added',
  'mirror.removed': 'mirror.removed',
  'mirror.refreshed': 'mirror.synced',
  'mirror.failed': 'mirror.sync_failed',
  'package.created': 'package.created',
  'package.deleted': 'package.removed',
  'member.added': 'member.added',
  'member.removed': 'member.removed',
  'member.role-changed': 'member.role_changed',
  'invitation.sent': 'invitation.sent',
  'token.created': 'token.created',
  'token.changed': 'token.updated',
  'token.rotated': 'token.updated',
  'token.revoked': 'token.revoked',
  'finding.opened': 'security.vulnerabilities_detected',
}

const STATUSES: Partial<Record<EventType, string>> = {
  'source.sync-requested': 'pending',
  'source.synced': 'ok',
  'source.failed': 'failed',
  'mirror.refresh-requested': 'pending',
  'mirror.refreshed': 'ok',
  'mirror.failed': 'failed',
}

const SECURITY: ReadonlySet<EventType> = new Set<EventType>([
  'advisory.added',
  'advisory.changed',
  'advisory.withdrawn',
  'finding.opened',
  'finding.resolved',
  'finding.changed',
])

/** The source whose status an event changed, or null. */
export function sourceOf(event: FollowedEvent): Source['id'] | null {
  return STATUSES[event.type] !== undefined && 'source' in event ? (event.source as Source['id']) : null
}

/** Whether an event of the whole instance is told to every organization. */
export function concernsEverybody(event: FollowedEvent): boolean {
  return event.organization === null && changesAdvisories(event)
}

function changesAdvisories(event: FollowedEvent): boolean {
  const isFeed = event.type === 'advisories.fetched' || event.type === 'advisories.imported'
  return isFeed ? event.added + event.changed + event.withdrawn > 0 : SECURITY.has(event.type)
}

/** The messages for the channels that an event concerns, in the order in which they are sent. `source` is that of `sourceOf`, as it is now. */
export function toBroadcasts(event: FollowedEvent, source: Pick<Source, 'uid' | 'kind' | 'syncedAt'> | null): Broadcast[] {
  const broadcasts: Broadcast[] = []
  const status = STATUSES[event.type]
  if (status !== undefined && source !== null) {
    const subject = source.kind === 'mirror' ? 'mirror' : 'repository'
    const lastSyncedAt = source.syncedAt === null ? null : new Date(source.syncedAt).toISOString()
    const data = { [`${subject}Uuid`]: source.uid, syncStatus: status, lastSyncedAt }
    broadcasts.push({ event: `${subject}.sync.status-updated`, data })
  }
  const activityType = ACTIVITIES[event.type]
  if (activityType !== undefined) {
    broadcasts.push({ event: 'activity.recorded', data: { activityType } })
  }
  if (changesAdvisories(event)) {
    broadcasts.push({ event: 'security.advisories-updated', data: {} })
  }
  return broadcasts
}
