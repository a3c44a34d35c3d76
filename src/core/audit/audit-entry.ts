import type { Origin } from '../kernel/actor.ts'
import type { EventId, Instant, OrganizationId } from '../kernel/values.ts'
import { EVENT_PHRASES } from './event-phrases.ts'
import type { EventRow } from './events.sql.ts'
import type { Mentioned, Names } from './names.sql.ts'

/** An event as people and exports see it. */
export interface AuditEntry {
  id: EventId
  uid: string
  type: string
  at: Instant
  /** The organization and its path; null for what concerns the instance. */
  organization: { id: OrganizationId; path: string | null } | null
  actor: { kind: string; id: number | null; name: string }
  origin: Origin
  /** What happened, as one sentence. Parts of it come from outside; a terminal must not be trusted with them. */
  sentence: string
  /** The details, as recorded. */
  data: Record<string, unknown>
}

/** What those who have no name of their own are called. */
const ACTORS: Readonly<Record<string, string>> = {
  system: 'The registry',
  operator: 'Somebody at the command line',
  setup: 'The holder of the set-up link',
  anonymous: 'Somebody without a credential',
}

/** The numbers in events for which there may be names. */
export function findMentioned(rows: readonly EventRow[]): Mentioned {
  const mentioned = {
    users: new Set<number>(),
    tokens: new Set<number>(),
    sources: new Set<number>(),
    organizations: new Set<number>(),
  }
  for (const row of rows) {
    const { user, source } = parseObject(row.data)
    note(mentioned.users, user)
    note(mentioned.sources, source)
    note(mentioned.organizations, row.organization_id)
    if (row.actor_id !== null) {
      note(row.actor_kind === 'user' ? mentioned.users : mentioned.tokens, row.actor_id)
    }
  }
  return mentioned
}

function note(numbers: Set<number>, value: unknown): void {
  if (typeof value === 'number') {
    numbers.add(value)
  }
}

/** Makes an entry of a stored event. Events of types that this release does not know keep their type as their sentence. */
export function toAuditEntry(row: EventRow, names: Names): AuditEntry {
  const data = parseObject(row.data)
  const actor = { kind: row.actor_kind, id: row.actor_id, name: nameActor(row, names) }
  const phrase: string | undefined = (EVENT_PHRASES as Readonly<Record<string, string>>)[row.type]
  const organization = row.organization_id
  return {
    id: row.id,
    uid: row.uid,
    type: row.type,
    at: row.created_at,
    organization: organization === null ? null : { id: organization, path: names.organizations.get(organization) ?? null },
    actor,
    origin: toOrigin(parseObject(row.origin)),
    sentence: phrase === undefined ? row.type : `${actor.name} ${fill(phrase, data, names)}.`,
    data,
  }
}

function nameActor(row: EventRow, names: Names): string {
  const { actor_kind: kind, actor_id: id } = row
  if (id === null) {
    return ACTORS[kind] ?? kind
  }
  return kind === 'user' ? (names.users.get(id) ?? `User ${id}`) : `Token ${names.tokens.get(id) ?? id}`
}

function fill(phrase: string, data: Readonly<Record<string, unknown>>, names: Names): string {
  return phrase.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = data[field]
    if (field === 'user' && typeof value === 'number') {
      return names.users.get(value) ?? `user ${value}`
    }
    if (field === 'source' && typeof value === 'number') {
      return names.sources.get(value) ?? `source ${value}`
    }
    return describe(value)
  })
}

function describe(value: unknown): string {
  if (value === null || value === undefined) {
    return 'unknown'
  }
  if (Array.isArray(value)) {
    return value.map(String).join(', ')
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean)
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function toOrigin(value: Record<string, unknown>): Origin {
  const text = (field: string) => (typeof value[field] === 'string' ? value[field] : null)
  return { surface: text('surface') ?? '', address: text('address'), agent: text('agent'), requestId: text('requestId') }
}
