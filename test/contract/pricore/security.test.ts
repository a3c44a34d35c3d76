/** Advisories as Pricore has them (contract pricore.md §11): the feed, what it finds, and who is told. The Composer side has tests of its own. */
import { expect, test } from 'bun:test'
import { listFindings } from '../../../src/core/advisories/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { temporaryUpstream } from '../../kit/upstream-server.ts'
import { createRestWorld } from './rest-kit.ts'

const ALL = { states: null, kinds: null, severities: null, packageName: null, isMirrored: null }
const FEED = '/api/security-advisories/'

test('PR-801 PR-802 PR-903 what the feed tells is found by a scan, directly and by dependency, and goes when the feed withdraws it', async () => {
  const advisory = {
    advisoryId: 'PKSA-1',
    packageName: 'acme/core',
    affectedVersions: '>=1.0,<1.2',
    title: 'A problem',
    reportedAt: '2026-02-01 00:00:00',
    sources: [{ name: 'GitHub', remoteId: 'GHSA-1' }],
    severity: 'critical',
  }
  const upstream = await temporaryUpstream({ advisories: { 'acme/core': [advisory] } })
  const world = await createRestWorld()
  const { app, acme, call } = world
  app.leaveJobs()
  Object.assign(app.ports, { advisoryFeed: `${upstream.origin}${FEED}` })
  await buildPackage(app, { organization: acme.id, name: 'acme/core', versions: ['1.1.0', '1.2.0'] })
  const manifest = { require: { 'acme/core': '^1.1' } }
  await buildPackage(app, { organization: acme.id, name: 'acme/http', versions: [{ version: '1.0.0', manifest }] })
  const refresh = () =>
    app.ctx().transaction(async (tx) => {
      await tx.record({ type: 'advisories.refresh-requested', organization: null })
      await tx.enqueue({
        kind: 'advisories.refresh',
        payload: {},
        organization: null,
        dedupeKey: null,
        lane: 'background',
        maxAttempts: 1,
      })
    })
  const scan = async () => {
    await refresh()
    await app.runJobs()
    const { status, body } = await call('POST', '/api/organizations/acme/security/scan')
    expect([status, body]).toEqual([200, { message: 'Security scan queued successfully' }])
    await app.runJobs()
    const { findings } = await listFindings(app.ctx(), acme.id, { filter: ALL, limit: 10, before: null })
    return findings.map(({ packageName, kind, state, versions }) => [packageName, kind, state, versions.join()]).toSorted()
  }

  const found = await scan()
  const again = await scan()
  delete upstream.advisories['acme/core']
  app.clock.advance('8 days')
  const gone = await scan()

  expect(found).toEqual([
    ['acme/core', 'version', 'open', '1.1.0'],
    ['acme/http', 'requirement', 'open', '1.0.0'],
  ])
  expect(again).toEqual(found)
  expect(gone.map(([, , state]) => state)).toEqual(['resolved', 'resolved'])
  const opened = app.events.filter((event) => event.type === 'finding.opened')
  expect(opened.map(({ name, severity }) => [name, severity])).toEqual([
    ['acme/core', 'critical'],
    ['acme/http', 'critical'],
  ])
})
