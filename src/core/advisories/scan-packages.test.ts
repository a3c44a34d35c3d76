import { expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildMany, buildPackage, buildSource } from '../../../test/kit/build.ts'
import { createSuborganization } from '../access/index.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findPackage } from '../packages/index.ts'
import {
  addAdvisory,
  changeAdvisory,
  changeFinding,
  importAdvisories,
  listFindings,
  requestFindings,
  scanPackages,
  withdrawAdvisory,
} from './index.ts'

const ALL = { states: null, kinds: null, severities: null, packageName: null, isMirrored: null }
const REPORT = { step: async () => {}, progress: () => {}, log: () => {} }

async function add(
  app: TestApp,
  organization: OrganizationId,
  packageName: string,
  affectedVersions: string,
  cve: string | null = null,
) {
  return addAdvisory(app.ctx(), {
    organization,
    packageName,
    affectedVersions,
    title: `A problem of ${packageName}`,
    link: null,
    cve,
    severity: 'high',
    reportedAt: null,
    isConfirmed: true,
  })
}

async function findings(app: TestApp, organization: OrganizationId) {
  const { findings: found } = await listFindings(app.ctx(), organization, { filter: ALL, limit: 100, before: null })
  return found.map(({ packageName, kind, affectedPackage, state, versions }) => ({
    packageName,
    kind,
    affectedPackage,
    state,
    versions,
  }))
}

async function scan(app: TestApp): Promise<number> {
  return scanPackages(app.ctx(SYSTEM), REPORT)
}

async function mirror(app: TestApp, organization: OrganizationId, name: string): Promise<void> {
  const { write } = app.ports.database
  const source = await buildSource(app, organization, name)
  await write.updateTable('sources').set({ kind: 'mirror' }).where('id', '=', source).execute()
  app.ports.database.touched()
}

test('PR-802 a package is found by its own versions and by what its versions require or require for development', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id, name: 'acme/core', versions: ['1.0.0', '1.1.0', '2.0.0'] })
  const manifest = {
    require: { php: '>=8.1', 'acme/core': '^1.0', 'ext-json': '*' },
    'require-dev': { 'acme/tool': '^3.0' },
  }
  const later = { require: { 'acme/core': '^2.0' } }
  const versions = [
    { version: '1.0.0', manifest },
    { version: '2.0.0', manifest: later },
  ]
  await buildPackage(app, { organization: id, name: 'acme/http', versions })

  await add(app, id, 'acme/core', '>=1.0,<1.1')
  await add(app, id, 'acme/tool', '<3.5')
  await app.runJobs()

  expect(await findings(app, id)).toEqual([
    { packageName: 'acme/http', kind: 'requirement', affectedPackage: 'acme/tool', state: 'open', versions: ['1.0.0'] },
    { packageName: 'acme/http', kind: 'requirement', affectedPackage: 'acme/core', state: 'open', versions: ['1.0.0'] },
    { packageName: 'acme/core', kind: 'version', affectedPackage: 'acme/core', state: 'open', versions: ['1.0.0'] },
  ])
})

test('PR-802 comparing again repeats nothing, also when two do it at once', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id, versions: ['1.0.0', '2.0.0'] })
  await add(app, id, 'acme/http', '<2.0')
  await Promise.all([scan(app), scan(app), scan(app)])
  await app.runJobs()
  const before = await findings(app, id)

  await requestFindings(app.ctx(), id)
  await Promise.all([scan(app), scan(app)])
  await app.runJobs()

  expect(before).toHaveLength(1)
  expect(await findings(app, id)).toEqual(before)
  expect(app.events.filter(({ type }) => type === 'finding.opened')).toHaveLength(1)
})

test('only packages that changed, or about which advisories changed, are compared', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildMany(app, { organization: id, packages: 450, versions: 2 })
  await buildPackage(app, {
    organization: id,
    name: 'acme/http',
    versions: [{ version: '1.0.0', manifest: { require: { 'x/lib': '^1' } } }],
  })
  expect(await scan(app)).toBe(451)
  expect(await scan(app)).toBe(0)

  await buildPackage(app, {
    organization: id,
    name: 'acme/http',
    versions: [{ version: '1.1.0', manifest: { require: { 'x/lib': '^1' } } }],
  })
  expect(await scan(app)).toBe(1)
  await importAdvisories(app.ctx(), { text: toFile('x/lib', '<2'), isComplete: false })
  expect(await scan(app)).toBe(1)
  await importAdvisories(app.ctx(), { text: toFile('y/lib', '<2'), isComplete: false })
  expect(await scan(app)).toBe(0)
  await app.runJobs()

  expect(await findings(app, id)).toHaveLength(1)
})

function toFile(name: string, affectedVersions: string): string {
  const advisory = { advisoryId: `X-${name}`, packageName: name, affectedVersions, title: 'A problem' }
  return JSON.stringify({ advisories: { [name]: [advisory] } })
}

test('PR-802 what does not match any more is resolved, and open again when it returns', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id, versions: ['1.0.0', '2.0.0'] })
  const { advisoryId } = await add(app, id, 'acme/http', '<2.0')
  await app.runJobs()

  const change = (affectedVersions: string) =>
    changeAdvisory(app.ctx(), { organization: id, advisoryId, change: { affectedVersions }, isConfirmed: false })
  await change('<0.5')
  await app.runJobs()
  expect(await findings(app, id)).toMatchObject([{ state: 'resolved', versions: [] }])
  await change('<2.0')
  await app.runJobs()
  expect(await findings(app, id)).toMatchObject([{ state: 'open', versions: ['1.0.0'] }])
  await withdrawAdvisory(app.ctx(), { organization: id, advisoryId })
  await app.runJobs()

  expect(await findings(app, id)).toMatchObject([{ state: 'resolved', versions: [] }])
})

test('a version that is withdrawn resolves its finding, another affected one opens it again', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id, versions: ['1.0.0', '2.0.0'] })
  await add(app, id, 'acme/http', '<2.0')
  await app.runJobs()

  await buildPackage(app, { organization: id, versions: ['2.0.0'] })
  await scan(app)
  const resolved = await findings(app, id)
  await buildPackage(app, { organization: id, versions: ['2.0.0', '1.9.0'] })
  await scan(app)

  expect(resolved).toMatchObject([{ state: 'resolved', versions: [] }])
  expect(await findings(app, id)).toMatchObject([{ state: 'open', versions: ['1.9.0'] }])
})

test('what somebody decided stays decided: only what was said to be resolved comes back with new versions', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  for (const name of ['acme/a', 'acme/b', 'acme/c']) {
    await buildPackage(app, { organization: id, name, versions: ['1.0.0'] })
    await add(app, id, name, '<2.0')
  }
  await app.runJobs()
  const decide = async (packageName: string, state: 'resolved' | 'false_positive' | 'in_progress') => {
    const filter = { ...ALL, packageName }
    const { findings: found } = await listFindings(app.ctx(), id, { filter, limit: 1, before: null })
    await changeFinding(app.ctx(), found[0]!, { state, reason: 'because' })
  }
  await decide('acme/a', 'resolved')
  await decide('acme/b', 'false_positive')
  await decide('acme/c', 'in_progress')

  await requestFindings(app.ctx(), id)
  await app.runJobs()
  const same = await findings(app, id)
  for (const name of ['acme/a', 'acme/b', 'acme/c']) {
    await buildPackage(app, { organization: id, name, versions: ['1.0.0', '1.1.0'] })
  }
  await scan(app)

  const states = (list: typeof same) => Object.fromEntries(list.map(({ packageName, state }) => [packageName, state]))
  expect(states(same)).toEqual({ 'acme/a': 'resolved', 'acme/b': 'false_positive', 'acme/c': 'in_progress' })
  expect(states(await findings(app, id))).toEqual({ 'acme/a': 'open', 'acme/b': 'false_positive', 'acme/c': 'in_progress' })
})

test('the same CVE from another source is the same finding, with what was decided about it', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id })
  const own = await add(app, id, 'acme/http', '<2.0', 'CVE-2026-1000')
  await app.runJobs()
  const { findings: found } = await listFindings(app.ctx(), id, { filter: ALL, limit: 1, before: null })
  await changeFinding(app.ctx(), found[0]!, { state: 'wont_fix', reason: 'internal only' })

  const public_ = { advisoryId: 'PKSA-1', packageName: 'acme/http', affectedVersions: '<2.0', title: 'x', cve: 'CVE-2026-1000' }
  await importAdvisories(app.ctx(), { text: JSON.stringify({ advisories: { 'acme/http': [public_] } }), isComplete: false })
  await withdrawAdvisory(app.ctx(), { organization: id, advisoryId: own.advisoryId })
  await app.runJobs()

  expect(await findings(app, id)).toMatchObject([{ state: 'wont_fix', versions: ['1.0.0'] }])
})

test('mirrored packages are compared by their versions, not by what they require', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  const versions = [{ version: '1.0.0', manifest: { require: { 'x/lib': '^1.0' } } }]
  await buildPackage(app, { organization: id, name: 'public/lib', versions })
  await mirror(app, id, 'public/lib')
  await importAdvisories(app.ctx(), { text: toFile('x/lib', '<2'), isComplete: false })
  await importAdvisories(app.ctx(), { text: toFile('public/lib', '<2'), isComplete: false })
  await app.runJobs()

  const only = async (isMirrored: boolean) =>
    (await listFindings(app.ctx(), id, { filter: { ...ALL, isMirrored }, limit: 9, before: null })).findings.map(
      ({ kind }) => kind,
    )

  expect(await only(true)).toEqual(['version'])
  expect(await only(false)).toEqual([])
})

test('PR-803 an organization that switched audits off is not compared, and is when it switches them on again', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id })
  const { write } = app.ports.database
  await write.insertInto('repository_options').values({ organization_id: id, audits: 0 }).execute()
  await add(app, id, 'acme/http', '<2.0')
  await app.runJobs()
  const off = await findings(app, id)

  await write.updateTable('repository_options').set({ audits: 1 }).where('organization_id', '=', id).execute()
  await scan(app)

  expect(off).toEqual([])
  expect(await findings(app, id)).toHaveLength(1)
})

test('a change of an advisory moves the clocks of the packages of that name: of all organizations for a feed, else of its own', async () => {
  const app = await createTestApp()
  const acme = await app.organization()
  const other = await app.organization('other')
  const revisions = async () =>
    Promise.all([acme, other].map(async ({ id }) => (await findPackage(app.ports.database.read, id, 'acme/http'))!.revision))
  for (const { id } of [acme, other]) {
    await buildPackage(app, { organization: id })
  }
  const before = await revisions()

  await importAdvisories(app.ctx(), { text: toFile('acme/http', '<2'), isComplete: false })
  const imported = await revisions()
  await importAdvisories(app.ctx(), { text: toFile('acme/http', '<2'), isComplete: false })
  const same = await revisions()
  await add(app, acme.id, 'acme/http', '<3')
  await app.runJobs()

  expect(imported).toEqual(before.map((revision) => revision + 1))
  expect(same).toEqual(imported)
  expect(await revisions()).toEqual([imported[0]! + 1, imported[1]!])
})

test('an advisory of an organization finds nothing elsewhere', async () => {
  const app = await createTestApp()
  const acme = await app.organization()
  const other = await app.organization('other')
  for (const { id } of [acme, other]) {
    await buildPackage(app, { organization: id })
  }
  await add(app, acme.id, 'acme/http', '<2.0')
  await app.runJobs()

  expect(await findings(app, acme.id)).toHaveLength(1)
  expect(await findings(app, other.id)).toEqual([])
})

test('an advisory of an organization holds in its suborganizations, one of a suborganization not above', async () => {
  const app = await createTestApp()
  const top = await app.organization()
  const child = await createSuborganization(app.ctx(), { parent: top, slug: 'shop', name: 'Shop' })
  await buildPackage(app, { organization: top.id })
  await buildPackage(app, { organization: child.id })
  await scan(app)
  const before = (await findPackage(app.ports.database.read, child.id, 'acme/http'))!.revision

  await add(app, top.id, 'acme/http', '<2.0')
  await add(app, child.id, 'acme/http', '<3.0')
  await app.runJobs()

  expect(await findings(app, top.id)).toHaveLength(1)
  expect(await findings(app, child.id)).toHaveLength(2)
  expect((await findPackage(app.ports.database.read, child.id, 'acme/http'))!.revision).toBe(before + 2)
})
