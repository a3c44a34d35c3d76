import { expect, test } from 'bun:test'
import type { Advisory } from './advisory.ts'
import { mergeAdvisories, type Origin } from './merge-advisories.ts'

let ids = 0

function told(origin: Origin, advisory: Partial<Advisory>): { origin: Origin; advisory: Advisory } {
  ids += 1
  return {
    origin,
    advisory: {
      id: ids as Advisory['id'],
      uid: `uid-${ids}`,
      advisoryId: `X-${ids}`,
      aliases: [],
      packageName: 'acme/http',
      affectedVersions: '<1.0',
      title: 'A problem',
      link: null,
      cve: null,
      severity: null,
      reportedAt: ids,
      sources: [{ name: 'GitHub', remoteId: `GHSA-${ids}` }],
      composerRepository: null,
      organization: null,
      updatedAt: ids,
      ...advisory,
    },
  }
}

test('CO-137 the same CVE is one advisory: FriendsOfPHP is believed before others, and all sources are kept', () => {
  const php = { name: 'FriendsOfPHP/security-advisories', remoteId: 'acme/http/x.yaml' }

  const [merged, ...rest] = mergeAdvisories([
    told('feed', { advisoryId: 'A', cve: 'CVE-2026-1000', sources: [{ name: 'GitHub', remoteId: 'GHSA-a' }] }),
    told('feed', { advisoryId: 'B', cve: 'CVE-2026-1000', sources: [php] }),
  ])

  expect(rest).toEqual([])
  expect(merged).toMatchObject({ advisoryId: 'B', aliases: ['A'] })
  expect(merged!.sources).toEqual([php, { name: 'GitHub', remoteId: 'GHSA-a' }])
})

test("the organization's own word counts before that of feeds, and the installation's before that of mirrors", () => {
  const merged = mergeAdvisories([
    told('mirror', { advisoryId: 'M', cve: 'CVE-2026-1001', affectedVersions: '<1' }),
    told('feed', { advisoryId: 'F', cve: 'CVE-2026-1001', affectedVersions: '<2' }),
    told('own', { advisoryId: 'O', cve: 'cve-2026-1001', affectedVersions: '<3' }),
    told('mirror', { advisoryId: 'F2', affectedVersions: '<4' }),
    told('feed', { advisoryId: 'F2', affectedVersions: '<5' }),
  ])

  expect(merged.map(({ advisoryId, affectedVersions }) => [advisoryId, affectedVersions])).toEqual([
    ['F2', '<5'],
    ['O', '<3'],
  ])
})

test('the same id from two places is one advisory even when only one of them knows the CVE', () => {
  const merged = mergeAdvisories([
    told('own', { advisoryId: 'A' }),
    told('feed', { advisoryId: 'B', cve: 'CVE-2026-1002' }),
    told('mirror', { advisoryId: 'A', cve: 'CVE-2026-1003' }),
  ])

  expect(merged.map(({ advisoryId }) => advisoryId)).toEqual(['B', 'A'])
})

test('the newest comes first', () => {
  const merged = mergeAdvisories([
    told('feed', { advisoryId: 'A', reportedAt: 5 }),
    told('feed', { advisoryId: 'C', reportedAt: 9 }),
    told('feed', { advisoryId: 'B', reportedAt: 9 }),
  ])

  expect(merged.map(({ advisoryId }) => advisoryId)).toEqual(['C', 'B', 'A'])
})
