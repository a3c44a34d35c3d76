import { expect, test } from 'bun:test'
import { DomainError } from '../../core/kernel/errors.ts'
import { createTestClock } from '../clock/test-clock.ts'
import { createLogger, type LogFormat, type LogLevel } from './logger.ts'
import { createRedactionRegistry } from './redaction.ts'

const CANARY = 'canary-0123456789'

test('a text line has the time, the level, the message and the fields', () => {
  const { log, lines } = create('text')

  log.info('A source was synchronised.', { source: 7, url: 'https://example.com/a.git', note: 'two words', at: new Date(0) })

  expect(lines).toEqual([
    '2026-01-02T03:04:05.000Z info  A source was synchronised. source=7 url=https://example.com/a.git note="two words" at=1970-01-01T00:00:00.000Z\n',
  ])
})

test('a JSON line has the same, and fields cannot take the place of the line itself', () => {
  const { log, lines } = create('json')

  log.warn('Low space.', { free: 12, time: 'never', level: 'debug', message: 'other', __proto__x: 1n })

  expect(JSON.parse(lines[0] ?? '')).toEqual({
    time: '2026-01-02T03:04:05.000Z',
    level: 'warn',
    message: 'Low space.',
    free: 12,
    _time: 'never',
    _level: 'debug',
    _message: 'other',
    __proto__x: '1',
  })
})

test('entries below the level are not written', () => {
  const { log, lines } = create('text', 'warn')

  log.debug('a')
  log.info('b')
  log.warn('c')
  log.error('d')

  expect(lines.map((line) => line.slice(25).trim())).toEqual(['warn  c', 'error d'])
})

test('bound fields are part of every entry, and an entry may override them', () => {
  const { log, lines } = create('json')

  log.with({ request: 'r1', job: 1 }).with({ job: 2 }).info('Done.', { request: 'r2' })

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ request: 'r2', job: 2 })
})

test.each(['text', 'json'] as const)('no text can forge a line, a colour or the reading direction (%s)', (format) => {
  const { log, lines } = create(format)
  const hostile = 'a\nb\r\u001b[31mred\u202eright\u2028c\u0085d\u200be\ud800f\u0000'

  log.info(hostile, { [hostile]: hostile, list: [hostile], nested: { value: hostile } })

  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith('\n')).toBe(true)
  expect(lines[0]?.slice(0, -1)).toMatch(/^[\x20-\x7e]*$/)
  if (format === 'json') expect(JSON.parse(lines[0] ?? '')).toMatchObject({ nested: { value: hostile } })
})

test.each(['text', 'json'] as const)('a registered secret is in no part of an entry (%s)', (format) => {
  const { log, lines, redactions } = create(format)
  redactions.register(CANARY)
  const basic = Buffer.from(`user:${CANARY}`).toString('base64')
  const cause = new TypeError(`cause ${CANARY}`, { cause: { deep: [new Map([['key', CANARY]]), new Set([CANARY])] } })
  const error = Object.assign(new Error(`failed with ${CANARY}`, { cause }), { url: new URL(`https://example.com/?q=${CANARY}`) })

  log.error(`message ${CANARY}`, {
    error,
    all: new AggregateError([new Error(CANARY)], CANARY),
    domain: new DomainError('source_refused', { problem: CANARY }),
    headers: new Headers({ 'x-token': basic }),
    [CANARY]: 1,
    symbol: Symbol(CANARY),
    list: [[[CANARY]]],
  })

  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain(CANARY)
  expect(lines[0]).not.toContain(basic)
  expect(lines[0]).toContain('[redacted]')
})

test('fields that are secrets by their name are masked, numbers under such names are not', () => {
  const { log, lines } = create('json')

  log.info('x', { password: 'a', headers: new Headers({ cookie: 'b', accept: 'c' }), clientSecret: 'd', token: 5 })

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    password: '[redacted]',
    headers: { cookie: '[redacted]', accept: 'c' },
    clientSecret: '[redacted]',
    token: 5,
  })
})

test('errors are printed with their name, code, stack and the chain of their causes', () => {
  const { log, lines } = create('json')
  const error = new DomainError(
    'storage_unavailable',
    { problem: 'the disk is full' },
    Object.assign(new Error('write'), { code: 'ENOSPC' }),
  )

  log.error('A blob could not be stored.', { error })

  expect(JSON.parse(lines[0] ?? '').error).toMatchObject({
    name: 'DomainError',
    code: 'storage_unavailable',
    message: 'Storage is unavailable: the disk is full',
    cause: { name: 'Error', message: 'write', code: 'ENOSPC' },
  })
  expect(JSON.parse(lines[0] ?? '').error.stack).toContain('logger.test.ts')
})

test('strange values are printed as something, and nothing makes logging throw', () => {
  const { log, lines } = create('json')
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  let deep: unknown = 'bottom'
  for (let level = 0; level < 50; level++) deep = [deep]
  const thrower = {
    get broken(): string {
      throw new Error('no')
    },
  }

  log.info('x', {
    circle,
    deep,
    thrower,
    bytes: new Uint8Array(9),
    nothing: undefined,
    nan: Number.NaN,
    bad: new Date(Number.NaN),
    many: Array(500).fill(1),
  })

  const entry = JSON.parse(lines[0] ?? '')
  expect(entry).toMatchObject({
    circle: { self: '[circular]' },
    thrower: '[unreadable]',
    bytes: '[9 bytes]',
    nothing: null,
    nan: 'NaN',
    bad: 'Invalid Date',
  })
  expect(entry.many).toHaveLength(101)
  expect(JSON.stringify(entry.deep)).toContain('[deep]')
})

test('a long text is cut, and no half of a secret stays at its end', () => {
  const { log, lines, redactions } = create('json')
  redactions.register(CANARY)

  log.info('x'.repeat(16_380) + CANARY, { wide: CANARY.repeat(100_000) })

  expect(lines[0]?.length).toBeLessThan(40_000)
  expect(lines[0]).not.toContain('canary')
})

test('a writer that fails does not disturb the work that logs', () => {
  const log = createLogger({
    level: 'debug',
    format: 'text',
    clock: createTestClock(0),
    redactions: createRedactionRegistry(),
    write() {
      throw new Error('EPIPE')
    },
  })

  expect(() => log.error('x')).not.toThrow()
})

function create(format: LogFormat, level: LogLevel = 'debug') {
  const lines: string[] = []
  const redactions = createRedactionRegistry()
  const clock = createTestClock('2026-01-02T03:04:05Z')
  return { lines, redactions, log: createLogger({ level, format, clock, redactions, write: (line) => void lines.push(line) }) }
}
