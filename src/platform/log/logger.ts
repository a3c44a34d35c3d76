import type { Clock, Logger } from '../../core/kernel/ports.ts'
import { toLogText, toLogValue, type LogValue } from './log-value.ts'
import { toPrintable } from './printable.ts'
import type { RedactionRegistry } from './redaction.ts'

const LEVELS = { debug: 0, info: 1, warn: 2, error: 3 } as const

/** How much an entry matters, by who must act; see docs/logging.md. */
export type LogLevel = keyof typeof LEVELS

/** `text` is for people at a terminal, `json` for collectors; both are one line per entry. */
export type LogFormat = 'text' | 'json'

/** What a logger is made of. `write` gets complete lines with their line feed. */
export interface LoggerParts {
  level: LogLevel
  format: LogFormat
  write: (line: string) => void
  clock: Clock
  redactions: RedactionRegistry
}

interface Entry {
  time: string
  level: LogLevel
  message: string
  fields: { [name: string]: LogValue }
}

/** Names that every entry has; a field of the same name is printed with an underscore in front. */
const RESERVED = new Set(['time', 'level', 'message'])

/**
 * A logger that writes entries of `level` and above. No registered secret and nothing that looks like one passes, no text
 * can begin a new line or change the colour or direction of the log, and logging never throws: a line that cannot be
 * written is lost.
 */
export function createLogger(parts: LoggerParts): Logger {
  return createWithFields(parts, {})
}

function createWithFields(parts: LoggerParts, bound: Record<string, unknown>): Logger {
  function log(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    if (LEVELS[level] < LEVELS[parts.level]) return
    try {
      const entry = toEntry(parts, { level, message, fields: { ...bound, ...fields } })
      parts.write(`${parts.format === 'json' ? toJsonLine(entry) : toTextLine(entry)}\n`)
    } catch {
      // The log is the last to know: there is nowhere left to report to, and the work that logs must go on.
    }
  }

  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    with: (fields) => createWithFields(parts, { ...bound, ...fields }),
  }
}

function toEntry(parts: LoggerParts, given: { level: LogLevel; message: string; fields: Record<string, unknown> }): Entry {
  const redact = (text: string) => parts.redactions.redact(text)
  const fields: { [name: string]: LogValue } = Object.create(null)
  const converted = toLogValue(given.fields, redact)
  for (const [name, value] of Object.entries(converted as { [name: string]: LogValue })) {
    fields[RESERVED.has(name) ? `_${name}` : name] = value
  }
  const time = new Date(parts.clock.now()).toISOString()
  return { time, level: given.level, message: toLogText(given.message, redact), fields }
}

function toJsonLine({ fields, ...entry }: Entry): string {
  // JSON escapes the lower controls itself; what is left for `toPrintable` lies within strings, where `\uXXXX` is valid.
  return toPrintable(JSON.stringify(Object.assign(Object.create(null), entry, fields)))
}

function toTextLine(entry: Entry): string {
  const fields = Object.entries(entry.fields).map(([name, value]) => ` ${toPrintable(name)}=${toTextValue(value)}`)
  return `${entry.time} ${entry.level.padEnd(5)} ${toPrintable(entry.message)}${fields.join('')}`
}

function toTextValue(value: LogValue): string {
  if (typeof value === 'string' && /^[\w./:@+~-]+$/.test(value)) return value
  return toPrintable(JSON.stringify(value))
}
