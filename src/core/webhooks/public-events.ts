import type { DomainEvent } from '../kernel/events.ts'
import type { SourceId } from '../kernel/values.ts'

/** The events that leave the registry. All others are internal, also new ones, until they get a line here. */
export type PublicEventType =
  | 'source.added'
  | 'source.removed'
  | 'source.synced'
  | 'source.failed'
  | 'source.hook-missed'
  | 'package.created'
  | 'package.deleted'
  | 'version.published'
  | 'version.reference-changed'
  | 'version.metadata-changed'
  | 'version.removed'
  | 'version.restored'
  | 'artifact.uploaded'
  | 'finding.opened'

type EventOf<Type extends PublicEventType> = Extract<DomainEvent, { type: Type }>
/** An event that leaves the registry. */
export type PublicEvent = EventOf<PublicEventType>

/** A source as receivers know it; `uid` is null when it is gone. */
export interface EventSource {
  uid: string | null
  url: string | null
}

type Presenter<Type extends PublicEventType> = (event: EventOf<Type>, source: EventSource) => Record<string, unknown>

/** What receivers are told of each event: names and uids, never ids of rows. Fields are added, never renamed or removed. */
const PRESENTERS: { readonly [Type in PublicEventType]: Presenter<Type> } = {
  'source.added': ({ url }, source) => ({ source: { ...source, url } }),
  'source.removed': ({ url }, source) => ({ source: { ...source, url } }),
  'source.synced': ({ versions, skipped }, source) => ({ source, versions, skipped }),
  'source.failed': ({ code, problem }, source) => ({ source, code, problem }),
  'source.hook-missed': (_, source) => ({ source }),
  'package.created': ({ name }, source) => ({ package: name, source }),
  'package.deleted': ({ name }) => ({ package: name }),
  'version.published': ({ name, version, reference }) => ({ package: name, version, reference }),
  'version.reference-changed': ({ name, version, from, to }) => ({ package: name, version, from, to }),
  'version.metadata-changed': ({ name, version }) => ({ package: name, version }),
  'version.removed': ({ name, version, reference }) => ({ package: name, version, reference }),
  'version.restored': ({ name, version, reference }) => ({ package: name, version, reference }),
  'artifact.uploaded': ({ name, version, reference, file, size }) => ({ package: name, version, reference, file, size }),
  'finding.opened': ({ name, advisories, severity, isMirrored }) => ({
    package: name,
    advisories,
    severity,
    mirrored: isMirrored,
  }),
}

/** The types of all public events, in the order of the documentation. */
export const PUBLIC_EVENT_TYPES = Object.keys(PRESENTERS) as PublicEventType[]

/** Whether an event leaves the registry at all. */
export function isPublicEvent(event: DomainEvent): event is PublicEvent {
  return Object.hasOwn(PRESENTERS, event.type)
}

/** What receivers are told of an event beside its type, time and organization. */
export function presentEvent(event: PublicEvent, source: EventSource): Record<string, unknown> {
  const present = PRESENTERS[event.type] as (event: PublicEvent, source: EventSource) => Record<string, unknown>
  return present(event, source)
}

/** The source that an event is about, or null. */
export function sourceOf(event: PublicEvent): SourceId | null {
  return 'source' in event ? event.source : null
}

/** The name of the package that an event is about, or null. */
export function packageOf(event: PublicEvent): string | null {
  return 'package' in event ? event.name : null
}
