import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { buildMember } from '../../../test/kit/members.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId, SessionId, UserId } from '../kernel/values.ts'
import {
  addAdvisory,
  changeFinding,
  countFindings,
  getFinding,
  listFindings,
  type FindingFilter,
  type Severity,
} from './index.ts'

const ALL: FindingFilter = { states: null, kinds: null, severities: null, packageName: null, isMirrored: null }

/** Three packages of which each has a finding; `acme/c` requires `acme/a` besides. */
async function setUp() {
  const app = await createTestApp()
  const organization = await app.organization()
  const severities: [string, Severity | null][] = [
    ['acme/a', 'critical'],
    ['acme/b', 'low'],
    ['acme/c', null],
  ]
  for (const [name, severity] of severities) {
    const manifest = name === 'acme/c' ? { require: { 'acme/a': '^1.0' } } : {}
    await buildPackage(app, { organization: organization.id, name, versions: [{ version: '1.0.0', manifest }, '2.0.0'] })
    await addAdvisory(app.ctx(), {
      organization: organization.id,
      packageName: name,
      affectedVersions: '<2.0',
      title: `A problem of ${name}`,
      link: null,
      cve: null,
      severity,
      reportedAt: null,
      isConfirmed: false,
    })
  }
  await app.runJobs()
  return { app, organization }
}

async function list(app: TestApp, organization: OrganizationId, filter: Partial<FindingFilter> = {}, actor?: Actor) {
  const page = await listFindings(app.ctx(actor), organization, { filter: { ...ALL, ...filter }, limit: 100, before: null })
  return page.findings
}

async function names(app: TestApp, organization: OrganizationId, filter: Partial<FindingFilter>): Promise<string[]> {
  return (await list(app, organization, filter)).map(({ packageName, kind }) => `${packageName} ${kind}`).toSorted()
}

function signedIn(user: UserId): Actor {
  return { kind: 'user', user, session: 1 as SessionId, isOperator: false }
}

test('findings are listed by state, kind, severity and package, newest first and page by page', async () => {
  const { app, organization } = await setUp()
  const { id } = organization

  expect(await names(app, id, {})).toEqual(['acme/a version', 'acme/b version', 'acme/c requirement', 'acme/c version'])
  expect(await names(app, id, { kinds: ['requirement'] })).toEqual(['acme/c requirement'])
  expect(await names(app, id, { severities: ['low', 'medium'] })).toEqual(['acme/b version'])
  expect(await names(app, id, { packageName: 'acme/c' })).toEqual(['acme/c requirement', 'acme/c version'])
  expect(await names(app, id, { states: ['resolved'] })).toEqual([])
  const first = await listFindings(app.ctx(), id, { filter: ALL, limit: 3, before: null })
  const second = await listFindings(app.ctx(), id, { filter: ALL, limit: 3, before: first.next })
  const ids = [...first.findings, ...second.findings].map((finding) => finding.id)
  expect(ids).toEqual(ids.toSorted((left, right) => right - left))
  expect([ids.length, second.next]).toEqual([4, null])
})

test('they are counted by state, and those that wait for somebody by severity', async () => {
  const { app, organization } = await setUp()
  const [finding] = await list(app, organization.id, { packageName: 'acme/b' })
  await changeFinding(app.ctx(), finding!, { state: 'wont_fix', reason: 'it goes away soon' })

  const { states, pending } = await countFindings(app.ctx(), organization.id)

  expect(states).toMatchObject({ open: 3, wont_fix: 1, resolved: 0 })
  expect(pending).toEqual({ none: 0, low: 0, medium: 0, high: 0, critical: 2, unknown: 1 })
})

test('a decision is kept with who made it, when and why, and each one is in the audit log', async () => {
  const { app, organization } = await setUp()
  const admin = await buildMember(app, organization, 'admin', 'admin')
  const [finding] = await list(app, organization.id, { packageName: 'acme/a' })
  const decide = (state: 'false_positive' | 'open', reason: string | null) =>
    changeFinding(app.ctx(signedIn(admin.id)), finding!, { state, reason })

  app.clock.advance('1 hour')
  await expect(decide('false_positive', null)).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'reason' } })
  await expect(decide('false_positive', ' \u0000 ')).rejects.toMatchObject({ code: 'invalid_input' })
  await decide('false_positive', 'That class is not\r\nused.')
  const closed = await getFinding(app.ctx(), { organization: organization.id, uid: finding!.uid })
  await decide('open', null)

  const changed = { reason: 'That class is not used.', changedBy: admin.email, changedAt: app.clock.now() }
  expect(closed).toMatchObject({ state: 'false_positive', ...changed })
  expect(await getFinding(app.ctx(), { organization: organization.id, uid: finding!.uid })).toMatchObject({
    state: 'open',
    reason: null,
  })
  const events = app.events.filter((event) => event.type === 'finding.changed')
  expect(events.map(({ from, to, reason }) => [from, to, reason])).toEqual([
    ['open', 'false_positive', 'That class is not used.'],
    ['false_positive', 'open', null],
  ])
})

test('somebody who sees some packages sees their findings only, and a member decides about none', async () => {
  const { app, organization } = await setUp()
  const { actor } = await app.token(organization.id, 'update', ['acme/a'])
  const member = signedIn((await buildMember(app, organization, 'member', 'member')).id)
  const [hidden] = await list(app, organization.id, { packageName: 'acme/b' })

  expect((await list(app, organization.id, {}, actor)).map(({ packageName }) => packageName)).toEqual(['acme/a'])
  expect((await countFindings(app.ctx(actor), organization.id)).states.open).toBe(1)
  const key = { organization: organization.id, uid: hidden!.uid }
  await expect(getFinding(app.ctx(actor), key)).rejects.toMatchObject({ code: 'finding_not_found' })
  await expect(changeFinding(app.ctx(member), hidden!, { state: 'resolved', reason: null })).rejects.toMatchObject({
    code: 'forbidden',
  })
  const other = await app.organization('other')
  await expect(getFinding(app.ctx(), { ...key, organization: other.id })).rejects.toMatchObject({ code: 'finding_not_found' })
})
