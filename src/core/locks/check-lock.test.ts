import { expect, test } from 'bun:test'
import { OPERATOR, type TestApp } from '../../../test/kit/app.ts'
import { buildArchiveOf, buildPackage, commitId, packageIdOf } from '../../../test/kit/build.ts'
import { createMirrored, type Mirrored } from '../../../test/kit/mirrored.ts'
import { blockPackage } from '../advisories/index.ts'
import { getAudience } from '../catalog/index.ts'
import type { Actor } from '../kernel/actor.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { getOrganizationByPath } from '../organizations/index.ts'
import { checkLock, type LockReport } from './check-lock.ts'
import { parseLockFile } from './parse-lock-file.ts'

const OWN = 'acme/http'
const MIRRORED = 'vendor/tool'
const REFERENCE = commitId(`${OWN} 1.0.0`)

interface Entry {
  name: string
  version: string
  reference?: string | null
  shasum?: string
  url?: string
  rest?: Record<string, unknown>
}

function lockOf(...entries: Entry[]): Uint8Array {
  const packages = entries.map(({ name, version, reference = null, shasum = '', url, rest = {} }) => ({
    name,
    version,
    dist: { type: 'zip', url: url ?? `https://r/acme/dists/${name}/${version}/${reference}.zip`, reference, shasum },
    ...rest,
  }))
  return Buffer.from(JSON.stringify({ packages, 'packages-dev': [] }))
}

async function check(app: TestApp, lock: Uint8Array, actor: Actor = OPERATOR): Promise<LockReport> {
  const audience = await getAudience(app.ctx(actor), 'acme')
  const repository = { path: 'acme', baseUrl: 'https://r' }
  return checkLock(app.ctx(actor), audience, { locked: parseLockFile(lock), repository })
}

async function createWorld(): Promise<Mirrored & { sha1: string; toolReference: string }> {
  const world = await createMirrored({ packages: { [MIRRORED]: ['1.0.0', 'dev-main'] } })
  const { app, organization } = world
  await world.record(MIRRORED, ['1.0.0', 'dev-main'])
  await buildPackage(app, { organization, versions: [{ version: '1.0.0', reference: REFERENCE }] })
  const { sha1 } = await buildArchiveOf(app, {
    package: await packageIdOf(app, organization),
    reference: REFERENCE,
    bytes: Buffer.from('zip'),
  })
  return { ...world, sha1, toolReference: world.upstream.referenceOf(MIRRORED, '1.0.0') }
}

test('what is here and what can be got is fine', async () => {
  const { app, sha1, toolReference } = await createWorld()
  const report = await check(
    app,
    lockOf(
      { name: OWN, version: '1.0.0', reference: REFERENCE, shasum: sha1 },
      { name: MIRRORED, version: '1.0.0', reference: toolReference, url: 'https://api.github.com/repos/vendor/tool/zipball/1' },
    ),
  )

  expect(report).toMatchObject({
    status: 'ok',
    advisories: 'off',
    packages: [
      { name: OWN, installs: { from: 'here', host: null }, archive: 'present', findings: [] },
      { name: MIRRORED, installs: { from: 'elsewhere', host: 'api.github.com' }, archive: 'missing', findings: [] },
    ],
  })
})

test('abuse 27: a version with another reference or checksum than here has changed', async () => {
  const { app } = await createWorld()
  const { packages, status } = await check(
    app,
    lockOf(
      { name: OWN, version: '1.0.0', reference: REFERENCE, shasum: 'f'.repeat(40) },
      { name: MIRRORED, version: '1.0.0', reference: 'f'.repeat(40) },
    ),
  )

  expect(status).toBe('findings')
  expect(packages[0]?.findings).toMatchObject([{ kind: 'changed', detail: expect.stringContaining('SHA-1') }])
  expect(packages[1]?.findings.map(({ kind }) => kind)).toEqual(['changed', 'unavailable'])
})

test('a branch that has moved on is fine as long as its archive is known', async () => {
  const world = await createWorld()
  const { app, upstream } = world
  const reference = upstream.referenceOf(MIRRORED, 'dev-main')
  upstream.moveTag(MIRRORED, 'dev-main')
  await world.record(MIRRORED, ['1.0.0', 'dev-main'])

  expect(await check(app, lockOf({ name: MIRRORED, version: 'dev-main', reference }))).toMatchObject({
    status: 'ok',
    packages: [{ archive: 'missing' }],
  })
})

test('what is not here is unknown, whether it is a package or a version', async () => {
  const { app } = await createWorld()
  const { packages } = await check(
    app,
    lockOf(
      { name: 'acme/none', version: '1.0.0', reference: 'x' },
      { name: MIRRORED, version: '3.0.0', reference: 'f'.repeat(40) },
    ),
  )

  expect(packages).toMatchObject([
    { archive: 'unavailable', findings: [{ kind: 'unknown' }] },
    { archive: 'unavailable', findings: [{ kind: 'unknown' }, { kind: 'unavailable' }] },
  ])
})

test('abuse 65: what the audience does not see is as unknown as what does not exist', async () => {
  const { app, organization } = await createWorld()
  const { actor } = await app.token(organization, 'read', ['other/*'])
  const own = { name: OWN, version: '1.0.0', reference: REFERENCE }
  const [hidden, none] = (await check(app, lockOf(own, { ...own, name: 'acme/none' }), actor)).packages

  expect({ ...hidden, name: '' }).toEqual({ ...none, name: '' } as never)
})

test('what is kept back is named with its list and the reason', async () => {
  const { app, toolReference } = await createWorld()
  const organization = await getOrganizationByPath(app.ctx(), 'acme')
  await blockPackage(app.ctx(), { organization, list: 'blocked', name: MIRRORED, versions: '<2', reason: 'stolen', url: null })

  const { packages } = await check(app, lockOf({ name: MIRRORED, version: '1.0.0', reference: toolReference }))

  expect(packages[0]?.findings).toEqual([{ kind: 'blocked', detail: 'blocked: stolen' }])
})

test('what an advisory is about is vulnerable, also what is not here', async () => {
  const { app, toolReference } = await createWorld()
  await insertAdvisory(app, { name: MIRRORED, organization: null })
  await insertAdvisory(app, { name: 'acme/none', organization: null })

  const { packages } = await check(
    app,
    lockOf(
      { name: MIRRORED, version: '1.0.0', reference: toolReference },
      { name: 'acme/none', version: '1.0.0', reference: 'x' },
      { name: 'acme/none-else', version: '1.0.0', reference: 'x' },
    ),
  )

  const kinds = packages.map(({ findings }) => findings.map(({ kind }) => kind))
  expect(kinds).toEqual([['vulnerable'], ['unknown', 'vulnerable'], ['unknown']])
  expect(packages[0]?.findings[0]?.detail).toBe('CVE-2026-1: Bad')
})

test('metapackages and clones have no archive, and what names no place installs from nowhere', async () => {
  const { app } = await createWorld()
  const source = { type: 'git', url: 'https://git.example.org/acme/http.git', reference: REFERENCE }
  const { packages } = await check(
    app,
    lockOf(
      { name: OWN, version: '1.0.0', rest: { dist: null, source } },
      { name: 'acme/all', version: '1.0.0', rest: { dist: null, type: 'metapackage' } },
      { name: 'acme/none', version: '1.0.0', rest: { dist: null } },
    ),
  )

  expect(packages.map(({ installs, archive }) => [installs.from, installs.host, archive])).toEqual([
    ['elsewhere', 'git.example.org', 'none'],
    ['nothing', null, 'none'],
    ['nowhere', null, 'unavailable'],
  ])
})

async function insertAdvisory(
  app: TestApp,
  { name, organization }: { name: string; organization: OrganizationId | null },
): Promise<void> {
  const { write } = app.ports.database
  const now = app.clock.now()
  const feed = await write
    .insertInto('advisory_feeds')
    .values({
      uid: app.ports.newId(),
      kind: 'advisories',
      source_id: null,
      list: '',
      url: 'https://feed.example.org/',
      updated_since: null,
      fetched_at: null,
      attempted_at: null,
      next_fetch_at: now,
      problem: null,
      modified: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  await write
    .insertInto('advisories')
    .values({
      uid: app.ports.newId(),
      feed_id: feed.id,
      organization_id: organization,
      advisory_id: `PKSA-${name}`,
      package_name: name,
      affected_versions: '<2.0',
      title: 'Bad',
      link: null,
      cve: 'CVE-2026-1',
      severity: 'high',
      reported_at: now,
      sources: '[{"name":"x","remoteId":"y"}]',
      composer_repository: null,
      created_at: now,
      updated_at: now,
      withdrawn_at: null,
    })
    .execute()
}
