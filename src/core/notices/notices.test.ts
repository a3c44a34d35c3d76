import { expect, test } from 'bun:test'
import { createTestApp, OPERATOR, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, buildSource, commitId, packageIdOf } from '../../../test/kit/build.ts'
import { createToken } from '../access/index.ts'
import { addAdvisory, requestFindings } from '../advisories/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId, SourceId, UserId } from '../kernel/values.ts'
import { addMirror, dismissMirrorIncident, listMirrorIncidents, recordIncident } from '../mirrors/index.ts'
import { insertMember } from '../organizations/index.ts'
import { addSource, setCredential } from '../sources/index.ts'
import { createWebhook, disableWebhook } from '../webhooks/index.ts'
import { collectNotices, switchNotices } from './index.ts'

const DAY = 24 * 60 * 60 * 1000

async function person(
  app: TestApp,
  organization: OrganizationId,
  role: 'owner' | 'admin' | 'member',
  email: string,
): Promise<UserId> {
  const { write } = app.ports.database
  const { id } = await write
    .insertInto('users')
    .values({ uid: email, email, name: email, password_hash: null, is_operator: 0, created_at: app.clock.now() })
    .returning('id')
    .executeTakeFirstOrThrow()
  await insertMember(write, { organization, user: id, role, createdAt: app.clock.now() })
  return id
}

async function fail(
  app: TestApp,
  organization: OrganizationId,
  source: SourceId,
  problem = 'refused',
  code = 'x',
): Promise<void> {
  await app.ports.database.write.updateTable('sources').set({ state: 'failing', problem }).where('id', '=', source).execute()
  await app.ctx(SYSTEM).transaction((tx) => tx.record({ type: 'source.failed', organization, source, code, problem }))
}

async function succeed(app: TestApp, organization: OrganizationId, source: SourceId): Promise<void> {
  await app.ctx(SYSTEM).transaction((tx) => tx.record({ type: 'source.synced', organization, source, versions: 1, skipped: 0 }))
}

async function soon(app: TestApp): Promise<void> {
  app.clock.advance('6 minutes')
  await app.runJobs()
}

test('owners and admins are told once that a source fails, and once that it works again', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  await person(app, id, 'admin', 'admin@example.org')
  await person(app, id, 'member', 'member@example.org')
  const source = await buildSource(app, id, 'acme/http')

  for (let sync = 0; sync < 5; sync += 1) {
    await fail(app, id, source, 'the host says <script>\r\nBcc: x@example.org\u202e')
    await soon(app)
  }

  expect(app.mailer.sent.map(({ to }) => to)).toEqual(['owner@example.org', 'admin@example.org'])
  const [mail] = app.mailer.sent
  expect(mail!.subject).toBe('acme: A source cannot be synced')
  expect(mail!.text).toContain('https://git.example.org/acme/http.git: the host says <script> Bcc: x@example.org\n')
  expect(mail!.html).toContain('the host says &lt;script&gt; Bcc: x@example.org')
  await succeed(app, id, source)
  await succeed(app, id, source)
  await soon(app)
  expect(app.mailer.sent.slice(2).map(({ subject }) => subject)).toEqual([
    'acme: A source works again',
    'acme: A source works again',
  ])
})

test('three hundred sources that fail together make one mail', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  for (let count = 0; count < 300; count += 1) {
    await fail(app, id, await buildSource(app, id, `acme/p${count}`))
  }

  await soon(app)

  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual(['acme: 300 sources cannot be synced'])
  expect(app.mailer.sent[0]!.text).toContain('- and 250 more\n')
})

test('a failure that ends before the mail goes out is not told', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const source = await buildSource(app, id, 'acme/http')

  await fail(app, id, source)
  await succeed(app, id, source)
  await soon(app)

  expect(app.mailer.sent).toEqual([])
})

test('an organization hears only of its own, and nothing after it switched notices off', async () => {
  const app = await createTestApp({ mail: true })
  const acme = await app.organization()
  const other = await app.organization('other')
  await person(app, acme.id, 'owner', 'owner@example.org')
  await person(app, other.id, 'owner', 'other@example.org')
  await switchNotices(app.ctx(), { organization: acme.id, on: false })
  const reader = await app.token(acme.id)

  await fail(app, acme.id, await buildSource(app, acme.id, 'acme/http'))
  await fail(app, other.id, await buildSource(app, other.id, 'other/lib'))
  await soon(app)

  expect(app.mailer.sent.map(({ to }) => to)).toEqual(['other@example.org'])
  expect(app.mailer.sent[0]!.text).not.toContain('acme')
  await expect(switchNotices(app.ctx(reader.actor), { organization: acme.id, on: true })).rejects.toMatchObject({
    kind: 'forbidden',
  })
})

test('the end of a token is told two weeks and three days before, once each, and not after it was revoked', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const end = app.clock.now() + 20 * DAY
  await createToken(app.ctx(), { organization: id, name: 'ci', scopes: ['composer'], packages: null, expiresAt: end })

  const days: number[] = []
  for (let day = 0; day < 22; day += 1) {
    const before = app.mailer.sent.length
    await collectNotices(app.ctx(SYSTEM))
    await soon(app)
    if (app.mailer.sent.length > before) {
      days.push(day)
    }
    app.clock.advance(DAY - 6 * 60_000)
  }

  expect(days).toEqual([6, 17])
  expect(app.mailer.sent[0]!.text).toContain('ci: ends on 2026-03-21, in 14 days')
})

test('abuse 14: the end of a credential is told two weeks and three days before, once each, and not after it was replaced', async () => {
  const app = await createTestApp({ mail: true })
  app.leaveJobs()
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const url = 'https://git.example.org/acme/http.git'
  const expiresAt = app.clock.now() + 20 * DAY
  const credential = { kind: 'bearer', token: 'secret-token' } as const
  const { source } = await addSource(app.ctx(), { organization: id, url, credential, credentialExpiresAt: expiresAt })
  await app.ports.database.write.deleteFrom('jobs').execute()

  const days: number[] = []
  for (let day = 0; day < 18; day += 1) {
    const before = app.mailer.sent.length
    await collectNotices(app.ctx(SYSTEM))
    await soon(app)
    if (app.mailer.sent.length > before) {
      days.push(day)
    }
    app.clock.advance(DAY - 6 * 60_000)
  }

  expect(days).toEqual([6, 17])
  expect(app.mailer.sent[0]!.subject).toBe('acme: The credential of a source ends soon')
  expect(app.mailer.sent[0]!.text).toContain(`${url}: ends on 2026-03-21, in 14 days`)
  expect(app.mailer.sent.map(({ text }) => text).join('')).not.toContain('secret-token')
  await setCredential(app.ctx(), source, { credential, expiresAt: app.clock.now() + 10 * DAY })
  await app.ports.database.write.deleteFrom('jobs').execute()
  await collectNotices(app.ctx(SYSTEM))
  await setCredential(app.ctx(), { ...source }, { credential, expiresAt: app.clock.now() + 90 * DAY })
  await app.ports.database.write.deleteFrom('jobs').where('kind', '=', 'source.sync').execute()
  await soon(app)
  expect(app.mailer.sent).toHaveLength(2)
})

test('abuse 14: a refused credential is told once, also when the source failed for another reason before, and that it works again', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const source = await buildSource(app, id, 'acme/http')
  await fail(app, id, source)
  await soon(app)

  for (let sync = 0; sync < 3; sync += 1) {
    await fail(app, id, source, 'no such token', 'source_refused')
    await soon(app)
    await fail(app, id, source)
    await soon(app)
  }
  await succeed(app, id, source)
  await soon(app)

  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual([
    'acme: A source cannot be synced',
    'acme: A host refuses the credential of a source, or wants one',
    'acme: A source works again',
  ])
  expect(app.mailer.sent[1]!.text).toContain('https://git.example.org/acme/http.git: no such token')
})

test('abuse 10: a moved tag is told once for each commit that it leads to, a moved branch and a replaced upload never', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const move = async (ref: string, to: string, actor: Actor = SYSTEM) => {
    const version = ref.replace(/^refs\/\w+\//, '')
    const target = await packageIdOf(app, id)
    const about = { organization: id, package: target, name: 'acme/http' }
    await app
      .ctx(actor)
      .transaction((tx) => tx.record({ type: 'version.reference-changed', ...about, version, ref, from: commitId('from'), to }))
    await soon(app)
  }
  await buildPackage(app, { organization: id })

  await move('refs/tags/1.0.0', commitId('a'))
  await move('refs/tags/1.0.0', commitId('a'))
  await move('refs/tags/1.0.0', commitId('b'))
  await move('refs/tags/1.0.0', commitId('a'))
  await move('refs/tags/1.0.0-beta1', commitId('a'))
  await move('refs/heads/main', commitId('c'))
  await move('refs/heads/1.0', commitId('c'))
  await move('refs/tags/2.0.0', commitId('c'), OPERATOR)

  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual(
    Array.from({ length: 3 }, () => 'acme: A published tag was moved to another commit'),
  )
  expect(app.mailer.sent[1]!.text).toContain(`acme/http 1.0.0 leads to ${commitId('b')}`)
})

test('a hook that was switched off because its receiver is gone is told, one that somebody switched off is not', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('', { status: 410 }) })
  const url = `http://127.0.0.1:${server.port}/`
  const create = (name: string) =>
    createWebhook(app.ctx(), { organization: id, name, url, events: ['source.failed'], packages: null, secret: null })
  const quiet = await create('quiet')
  await create('builds')
  await disableWebhook(app.ctx(), quiet.webhook)

  await fail(app, id, await buildSource(app, id, 'acme/http'))
  await app.runJobs()
  await soon(app)
  await server.stop(true)

  expect(app.mailer.sent).toHaveLength(1)
  expect(app.mailer.sent[0]!.text).toContain('builds: the receiver answered that it is gone (410)')
  expect(app.mailer.sent[0]!.text).not.toContain('quiet')
})

test('without mail nothing is noted', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await fail(app, id, await buildSource(app, id, 'acme/http'))

  expect(await collectNotices(app.ctx(SYSTEM))).toBe(0)
  expect(await app.ports.database.read.selectFrom('notices').selectAll().execute()).toEqual([])
})

async function advise(app: TestApp, organization: OrganizationId, packageName: string, title: string): Promise<string> {
  const content = { affectedVersions: '<2.0', title, link: null, cve: null, severity: 'high', reportedAt: null } as const
  const added = await addAdvisory(app.ctx(), { ...content, organization, packageName, isConfirmed: false })
  return added.advisoryId
}

test('PR-803 owners and admins are told of the findings of private packages, once each, and only of what is still open', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  await person(app, id, 'member', 'member@example.org')
  await buildPackage(app, { organization: id, name: 'acme/http' })
  await buildPackage(app, { organization: id, name: 'acme/core' })
  await buildPackage(app, { organization: id, name: 'public/lib' })
  const { write } = app.ports.database
  await write
    .updateTable('sources')
    .set({ kind: 'mirror' })
    .where('id', '=', await buildSource(app, id, 'public/lib'))
    .execute()

  const first = await advise(app, id, 'acme/http', 'Header <injection>')
  await advise(app, id, 'public/lib', 'Public problem')
  await app.runJobs()
  await advise(app, id, 'acme/core', 'Fixed at once')
  await app.runJobs()
  await buildPackage(app, { organization: id, name: 'acme/core', versions: ['2.0.0'] })
  await requestFindings(app.ctx(), id)
  await app.runJobs()
  await soon(app)
  await requestFindings(app.ctx(), id)
  await soon(app)

  expect(app.mailer.sent.map(({ to }) => to)).toEqual(['owner@example.org'])
  const [mail] = app.mailer.sent
  expect(mail!.subject).toBe('acme: A package is affected by security advisories, itself or by what it requires')
  expect(mail!.text).toContain(`- acme/http: Header <injection> (${first}, high)`)
  expect(mail!.text).not.toMatch(/Public problem|Fixed at once/)
})

test('PR-803 an organization that does not want to hear of findings has them without mails', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  await buildPackage(app, { organization: id })
  await app.ports.database.write.insertInto('repository_options').values({ organization_id: id, audit_notices: 0 }).execute()

  await advise(app, id, 'acme/http', 'Header injection')
  await soon(app)

  expect(app.events.filter(({ type }) => type === 'finding.opened')).toHaveLength(1)
  expect(app.mailer.sent).toEqual([])
})

test('owners and admins are told once of what an upstream did, unless somebody looked at it before', async () => {
  const app = await createTestApp({ mail: true })
  const { id } = await app.organization()
  await person(app, id, 'owner', 'owner@example.org')
  const { mirror } = await addMirror(app.ctx(), { organization: id, url: 'https://composer.example.org', behavior: 'disabled' })
  const happen = (subject: string) =>
    app.ctx(SYSTEM).transaction(async (tx) => {
      const detail = `${subject} is gone`
      await recordIncident(tx, { organization: id, source: mirror.id, kind: 'gone', subject, detail })
      await tx.record({ type: 'mirror.checked', organization: id, source: mirror.id, packages: 1 })
    })
  await happen('psr/log')
  await happen('psr/http')
  const { items } = await listMirrorIncidents(app.ctx(), mirror, { page: { limit: 10, after: null }, isOpen: true })
  const looked = items.find(({ subject }) => subject === 'psr/http')
  await dismissMirrorIncident(app.ctx(), mirror, looked?.uid ?? '')
  await soon(app)
  await happen('psr/log')
  await soon(app)

  expect(app.mailer.sent).toHaveLength(1)
  expect(app.mailer.sent[0]?.text).toContain('composer.example.org: psr/log is gone')
  expect(app.mailer.sent[0]?.text).not.toContain('psr/http')
})
