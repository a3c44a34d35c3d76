import { describe, expect, test } from 'bun:test'
import type { VersionId } from '../kernel/values.ts'
import { isEmptyPlan, planPublication, type HashedCandidate, type PublishedVersion } from './plan-publication.ts'

function published(change: Partial<PublishedVersion> = {}): PublishedVersion {
  return {
    id: 1 as VersionId,
    version: '1.0.0',
    normalized: '1.0.0.0',
    type: 'library',
    stability: 'stable',
    ref: 'refs/tags/1.0.0',
    reference: 'a'.repeat(40),
    defaultBranch: false,
    manifestSha256: 'm1',
    time: '2026-01-01T00:00:00+00:00',
    removed: false,
    ...change,
  }
}

function offered(change: Partial<HashedCandidate> = {}): HashedCandidate {
  const { id: _id, removed: _removed, ...same } = published()
  return { ...same, stability: 'stable', manifest: '{}', ...change }
}

describe('a publication', () => {
  test('of what is published already changes nothing', () => {
    expect(isEmptyPlan(planPublication([published()], [offered()]))).toBe(true)
  })

  test('inserts what is new and removes what is gone', () => {
    const plan = planPublication([published()], [offered({ normalized: '2.0.0.0', version: '2.0.0' })])

    expect(plan.insert.map((version) => version.version)).toEqual(['2.0.0'])
    expect(plan.remove.map((version) => version.version)).toEqual(['1.0.0'])
  })

  test('does not remove again what was removed before', () => {
    expect(planPublication([published({ removed: true })], []).remove).toEqual([])
  })

  test.each([
    ['reference', { reference: 'b'.repeat(40) }, { referenceChanged: true, metadataChanged: false }],
    ['manifest', { manifestSha256: 'm2' }, { referenceChanged: false, metadataChanged: true }],
    ['spelling', { version: 'v1.0.0' }, { referenceChanged: false, metadataChanged: true }],
    ['type', { type: 'metapackage' }, { referenceChanged: false, metadataChanged: true }],
    ['time', { time: null }, { referenceChanged: false, metadataChanged: true }],
    ['default branch', { defaultBranch: true }, { referenceChanged: false, metadataChanged: true }],
    ['ref', { ref: 'refs/tags/v1.0.0' }, { referenceChanged: false, metadataChanged: true }],
  ])('notices a change of %s', (_, change, expected) => {
    expect(planPublication([published()], [offered(change)]).update).toEqual([expect.objectContaining(expected)])
  })

  test('shows a removed version again', () => {
    const [change] = planPublication([published({ removed: true })], [offered()]).update

    expect(change).toMatchObject({ restored: true, referenceChanged: false })
  })
})
