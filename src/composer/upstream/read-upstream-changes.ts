import type { JsonValue } from '../manifest/json.ts'
import { asObject, field, lowerAscii } from '../manifest/php-values.ts'
import { parsePackageName } from '../names.ts'
import { parseObject } from './read-upstream-listing.ts'

/**
 * What a feed of changes says (contract §7.4). `start`: it said from where to begin; `resync`: everything has to be looked at again. Names are in lower
 * case and without `~dev`, each once and in one of the two lists; `times` says when which file was written or deleted last, in Unix seconds, by its name,
 * which may end in `~dev`; `next` is what the next question begins with.
 */
export type ReadUpstreamChanges =
  | { kind: 'start'; next: string }
  | { kind: 'resync'; next: string }
  | { kind: 'changes'; updated: string[]; deleted: string[]; times: Map<string, number>; next: string }
  | { kind: 'unusable'; problem: string }

/** A package that was updated so many seconds after it was deleted is there again. */
const BACK_AFTER = 10

/** Reads an answer of a feed of changes. Actions of unknown kinds and with unusable names are passed over. Never throws. */
export function readUpstreamChanges(body: string): ReadUpstreamChanges {
  const document = parseObject(body)
  if (document === null) return { kind: 'unusable', problem: 'it is no JSON object' }
  const next = toCursor(field(document, 'timestamp'))
  if (next === null) return { kind: 'unusable', problem: 'it has no "timestamp"' }
  const actions = field(document, 'actions')
  if (actions === undefined && field(document, 'error') !== undefined) return { kind: 'start', next }
  if (!Array.isArray(actions)) return { kind: 'unusable', problem: 'its "actions" are no list' }
  return toChanges(actions, next)
}

function toChanges(actions: readonly JsonValue[], next: string): ReadUpstreamChanges {
  const updatedAt = new Map<string, number>()
  const deletedAt = new Map<string, number>()
  const times = new Map<string, number>()
  for (const value of actions) {
    const action = asObject(value)
    const type = action === null ? undefined : field(action, 'type')
    if (action === null || typeof type !== 'string') continue
    if (type === 'resync') return { kind: 'resync', next }
    const written = field(action, 'package')
    const file = typeof written === 'string' ? lowerAscii(written) : ''
    const name = parsePackageName(file.replace(/~dev$/, ''))
    if (name === null || (type !== 'update' && type !== 'delete')) continue
    const time = Number(field(action, 'time') ?? 0) || 0
    raise(type === 'update' ? updatedAt : deletedAt, name, time)
    raise(times, file, time)
  }
  const deleted = [...deletedAt].filter(([name, at]) => !((updatedAt.get(name) ?? -1) > at + BACK_AFTER)).map(([name]) => name)
  const gone = new Set(deleted)
  return { kind: 'changes', updated: [...updatedAt.keys()].filter((name) => !gone.has(name)), deleted, times, next }
}

function raise(times: Map<string, number>, key: string, time: number): void {
  times.set(key, Math.max(times.get(key) ?? 0, time))
}

function toCursor(value: JsonValue | undefined): string | null {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? text : null
}
