import { expect, test } from 'bun:test'
import { parseReportedAt, readAdvisories } from './read-advisories.ts'

const GOOD = {
  advisoryId: 'PKSA-aaaa-bbbb-cccc',
  packageName: 'acme/http',
  affectedVersions: '>=1.0,<1.2.3',
  title: 'A problem',
  link: 'https://example.org/a',
  cve: 'CVE-2026-1000',
  severity: 'high',
  reportedAt: '2026-01-02 03:04:05',
  sources: [{ name: 'GitHub', remoteId: 'GHSA-x' }],
  composerRepository: 'https://packagist.org',
}

function read(advisories: unknown) {
  const result = readAdvisories({ advisories }, 'feed.example.org')
  if (result.kind === 'unusable') {
    throw new Error(result.problem)
  }
  return result
}

test('CO-137 every field of an advisory is read', () => {
  expect(read({ 'acme/http': [GOOD] }).advisories).toEqual([
    {
      ...GOOD,
      severity: 'high',
      reportedAt: Date.parse('2026-01-02T03:04:05Z') as never,
      link: 'https://example.org/a',
    },
  ])
})

test('what is missing or no such thing is null, and there is always a source', () => {
  const bare = {
    advisoryId: 'X-1',
    affectedVersions: '<1',
    severity: 'unknown',
    link: 'javascript:alert(1)',
    cve: 'none',
    sources: [{}],
  }

  expect(read({ 'Acme/HTTP': [bare] }).advisories).toEqual([
    {
      advisoryId: 'X-1',
      packageName: 'acme/http',
      affectedVersions: '<1',
      title: 'X-1',
      link: null,
      cve: null,
      severity: null,
      reportedAt: null,
      sources: [{ name: 'feed.example.org', remoteId: 'X-1' }],
      composerRepository: null,
    },
  ])
  expect(read({ 'acme/http': [{ ...bare, severity: 'MODERATE' }] }).advisories[0]!.severity).toBe('medium')
})

test('abuse 25: one advisory that is wrong is left out and named; the others stay', () => {
  const { advisories, skipped } = read({
    'acme/http': [GOOD, { ...GOOD, advisoryId: 'X\u001b[31m' }, { ...GOOD, advisoryId: 'X-2', affectedVersions: [] }, 'text'],
    'acme/other': [{ ...GOOD, advisoryId: 'X-3' }],
    'not a name': [{ ...GOOD, advisoryId: 'X-4', packageName: 'not a name' }],
    constructor: [{ ...GOOD, advisoryId: 'X-5' }],
    'acme/long': [{ ...GOOD, advisoryId: 'X-6', packageName: 'acme/long', affectedVersions: '1'.repeat(20_000) }],
  })

  expect(advisories.map(({ advisoryId }) => advisoryId)).toEqual([GOOD.advisoryId])
  expect(skipped.map(({ advisory }) => advisory)).toEqual(['acme/http', 'X-2', 'acme/http', 'X-3', 'X-4', 'X-5', 'X-6'])
})

test('abuse 25: a package with thousands of advisories keeps a bounded number of them', () => {
  const { advisories, skipped } = read({
    'acme/http': Array.from({ length: 5_000 }, (_, id) => ({ ...GOOD, advisoryId: `X-${id}` })),
  })

  expect(advisories).toHaveLength(1_000)
  expect(skipped).toMatchObject([{ advisory: 'acme/http' }])
})

test('text from elsewhere can neither forge lines nor steer a terminal', () => {
  const [advisory] = read({ 'acme/http': [{ ...GOOD, title: 'a\r\nb\u001b[2J\u202ec' }] }).advisories

  expect(advisory!.title).toBe('a bc')
})

test('lists may be objects, as PHP writes them, and what composer audit prints is read', () => {
  const audit = { advisories: { 'acme/http': { 1: GOOD } }, abandoned: { 'acme/old': null } }

  expect(readAdvisories(audit, 'import')).toMatchObject({ kind: 'advisories', advisories: [{ advisoryId: GOOD.advisoryId }] })
  expect(readAdvisories({ advisories: [] }, 'import')).toMatchObject({ kind: 'advisories', advisories: [] })
})

test('abuse 25: what is no list of advisories is refused as a whole', () => {
  for (const document of [null, [], 'x', {}, { advisories: null }, { advisories: 'x' }, { advisories: [GOOD] }]) {
    expect(readAdvisories(document, 'x').kind).toBe('unusable')
  }
  expect(readAdvisories(JSON.parse('{"__proto__": {"advisories": {}}}'), 'x').kind).toBe('unusable')
})

test('times are read in both forms', () => {
  expect(parseReportedAt('2026-01-02 03:04:05')).toBe(Date.parse('2026-01-02T03:04:05Z'))
  expect(parseReportedAt('2026-01-02T03:04:05+02:00')).toBe(Date.parse('2026-01-02T01:04:05Z'))
  expect(parseReportedAt('2026-01-02')).toBe(Date.parse('2026-01-02T00:00:00Z'))
  expect(parseReportedAt('2026-99-99 00:00:00')).toBeNull()
  expect(parseReportedAt('yesterday')).toBeNull()
})
